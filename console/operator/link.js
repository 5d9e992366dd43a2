// Makes a link to the hosted page for a customer, with the price of what may be connected.
import { ask } from './api.js';
import { fill, h } from '../connect/dom.js';
import { act, button, check, exact, field, load, notice, refuse, select, takeAway, text } from './ui.js';

export function linkView() {
  const externalId = text({ required: true });
  const name = text();
  const redirect = text({ type: 'url', placeholder: 'https://app.example.com/connected' });
  const minutes = select([['30', '30 minutes'], ['15', '15 minutes'], ['5', '5 minutes']]);
  const locale = select([['en', 'English'], ['de', 'Deutsch'], ['fr', 'Français'], ['es', 'Español']]);
  const brand = text({ placeholder: 'as the organization' });
  const colour = h('input', { type: 'color', value: '#0f6b66' });
  const hasColour = check('Use this colour');
  const origins = text({ placeholder: 'https://app.example.com' });
  const systems = h('div', {}, h('p', { class: 'soft' }, 'Loading …'));
  const problem = h('div');
  const outcome = h('div', { role: 'status' });
  const send = h('button', { class: 'main' }, 'Create link');
  colour.addEventListener('input', () => (hasColour.querySelector('input').checked = true));

  async function read() {
    await load(systems, async () => {
      const [{ connectors }, { organization }] = await Promise.all([ask('Connectors'), ask('Organization')]);
      const { available } = organization.credits;
      return [
        h('p', { class: 'help' }, `Without a choice the customer sees all of them; a single one is fixed. ${available} credits are available.`),
        h(
          'div',
          { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Systems' },
          h(
            'table',
            {},
            h('caption', { class: 'unseen' }, 'Systems, their price in credits, and how far to trust their connectors'),
            h('thead', {}, h('tr', {}, ['System', 'Cloud', 'On-premises', 'Trust'].map(title => h('th', { scope: 'col' }, title)))),
            h(
              'tbody',
              {},
              connectors.map(connector =>
                h('tr', {}, h('td', {}, check(connector.name, { name: 'connector', value: connector.id })), price(connector, 'CLOUD', connector.credits.cloud, available), price(connector, 'ON_PREMISES', connector.credits.onPremises, available), h('td', { class: 'soft' }, connector.trust.toLowerCase())),
              ),
            ),
          ),
        ),
      ];
    });
  }

  function price(connector, deployment, credits, available) {
    if (!connector.deployments.includes(deployment)) return h('td', { class: 'soft' }, '—');
    const isTooMuch = credits > available;
    return h('td', { class: isTooMuch ? 'too-much' : '' }, `${credits} ${credits === 1 ? 'credit' : 'credits'}`, isTooMuch && h('span', { class: 'under' }, 'more than available'));
  }

  const form = h(
    'form',
    { class: 'card', novalidate: true },
    h('div', { class: 'pair' }, field('Customer id', externalId, 'Your own id of the customer.'), field('Customer name', name)),
    h('fieldset', {}, h('legend', {}, 'Systems to choose from'), systems),
    h('div', { class: 'pair' }, field('Return address (optional)', redirect, 'The customer goes there afterwards, with a one-time code in it.'), field('Works for', minutes)),
    h(
      'details',
      {},
      h('summary', {}, 'Look and embedding'),
      h('div', { class: 'pair' }, field('Language', locale), field('Shown name', brand)),
      h('div', { class: 'pair' }, h('div', {}, field('Colour', colour), hasColour), field('Frame origins', origins, 'Pages that may show the page in a frame, with a space between them.')),
    ),
    problem,
    h('div', { class: 'actions' }, send),
  );
  form.addEventListener('submit', async event => {
    event.preventDefault();
    const id = externalId.value.trim();
    const chosen = [...form.querySelectorAll('[name=connector]:checked')].map(box => box.value);
    const branding = { name: brand.value.trim() || undefined, color: hasColour.querySelector('input').checked ? colour.value : undefined };
    const frames = origins.value.split(/[\s,]+/).filter(Boolean);
    const input = {
      customer: { externalId: id, name: name.value.trim() || id },
      connector: chosen.length === 1 ? chosen[0] : undefined,
      allowedConnectors: chosen.length > 1 ? chosen : undefined,
      redirectUrl: redirect.value.trim() || undefined,
      ttlSeconds: minutes.value * 60,
      locale: locale.value,
      branding: branding.name || branding.color ? branding : undefined,
      frameOrigins: frames.length ? frames : undefined,
    };
    const answer = await act(send, problem, () => (id ? ask('CreateConnectLink', { input }) : refuse('The customer id is missing.')));
    if (answer) show(answer.createConnectLink);
    else if (!id) externalId.focus();
  });

  function show(link) {
    const withdraw = button('Withdraw it', async () => {
      const done = await act(withdraw, problem, () => ask('RevokeLink', { id: link.id }));
      if (done) fill(outcome, notice('warn', h('p', {}, 'The link was withdrawn.')));
    });
    fill(
      outcome,
      notice(
        'good',
        h('p', {}, `Give this link to the customer. It leads to one connection and works until ${exact(link.expiresAt)}.`),
        takeAway('Connect link', link.url),
        h('div', { class: 'actions' }, h('a', { class: 'button', href: link.url, target: '_blank', rel: 'noopener' }, 'Open it'), withdraw),
      ),
    );
    outcome.scrollIntoView({ block: 'nearest' });
  }

  read();
  return { title: 'Connect a customer', element: h('section', { class: 'narrow' }, h('h1', {}, 'Connect a customer'), outcome, form) };
}
