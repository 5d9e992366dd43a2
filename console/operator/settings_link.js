// Makes a link on which a customer sees and changes the fields and mappings of one connection.
import { ask } from './api.js';
import { h } from '../connect/dom.js';
import { act, button, exact, field, formDialog, select, takeAway, text } from './ui.js';

export function settingsLink(id) {
  const minutes = select([['30', '30 minutes'], ['15', '15 minutes'], ['5', '5 minutes']]);
  const redirect = text({ type: 'url', placeholder: 'https://' });
  const origins = text({ placeholder: 'https://app.example.com' });
  formDialog(
    'Settings link',
    [
      h('p', { class: 'soft' }, 'The page shows the fields and mappings of this connection and changes its own layer only. Whoever opens it may work for an hour.'),
      field('May be opened for', minutes),
      field('Return address (optional)', redirect, 'Where the customer may go back to.'),
      field('Frame origins (optional)', origins, 'Pages that may show it in a frame, with a space between them.'),
    ],
    'Create link',
    async () => {
      const frames = origins.value.split(/[\s,]+/).filter(Boolean);
      const input = { connectionId: id, ttlSeconds: minutes.value * 60, redirectUrl: redirect.value.trim() || undefined, frameOrigins: frames.length ? frames : undefined };
      const { createSettingsLink: link } = await ask('CreateSettingsLink', { input });
      const told = h('div', { role: 'status' });
      const withdraw = button('Withdraw it', () => act(withdraw, told, async () => (await ask('RevokeLink', { id: link.id }), told.append('The link and what was opened with it have ended.'), (withdraw.hidden = true))));
      return [h('p', {}, `Give this link to the customer. It may be opened until ${exact(link.expiresAt)}.`), takeAway('Settings link', link.url), told, withdraw];
    },
  );
}
