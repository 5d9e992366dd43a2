// Step 1: the list of systems, narrowed by a search and by kind, walked with the arrow keys.
import { h, fill, icon } from './dom.js';
import { foreign } from './field.js';
import { counted, has, t } from './texts.js';

const kindOf = category => (has(`category_${category}`) ? t(`category_${category}`) : category);
const plain = text => text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '');

/** Makes the list; `onChoose` gets the id of the system. */
export function makeChooser(connectors, organization, onChoose) {
  const systems = [...connectors]
    .sort((one, other) => one.name.localeCompare(other.name))
    .map(connector => ({
      connector,
      text: plain([connector.name, connector.vendor, connector.description, ...connector.categories.map(kindOf)].join(' ')),
      card: card(connector, onChoose),
    }));
  const categories = [...new Set(connectors.flatMap(connector => connector.categories))];
  let kind = null;

  const search = h('input', {
    type: 'search',
    id: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: t('choose_search'),
    'aria-label': t('choose_search'),
    'aria-controls': 'systems',
  });
  const list = h('ul', { class: 'systems', id: 'systems', 'aria-label': t('choose_list') });
  const found = h('p', { class: 'found', role: 'status' });
  const nothing = h(
    'div',
    { class: 'nothing', hidden: true },
    h('p', {}, t('choose_none')),
    h('button', { type: 'button', class: 'quiet', onclick: clear }, t('choose_clear')),
  );
  const chips = [null, ...categories].map(category =>
    h(
      'button',
      { type: 'button', class: 'chip', 'aria-pressed': category === null, onclick: event => pick(category, event.currentTarget) },
      category === null ? t('choose_all') : kindOf(category),
    ),
  );

  function show() {
    const words = plain(search.value).split(/\s+/).filter(Boolean);
    const fitting = systems.filter(
      ({ connector, text }) => words.every(word => text.includes(word)) && (!kind || connector.categories.includes(kind)),
    );
    fill(list, fitting.map(({ card }) => card));
    fill(found, fitting.length ? counted('choose', fitting.length) : '');
    nothing.hidden = fitting.length > 0;
  }
  function pick(category, chip) {
    kind = category;
    for (const other of chips) other.setAttribute('aria-pressed', String(other === chip));
    show();
  }
  function clear() {
    search.value = '';
    pick(null, chips[0]);
    search.focus();
  }

  search.addEventListener('input', show);
  search.addEventListener('keydown', event => {
    const cards = [...list.querySelectorAll('button')];
    if (event.key === 'ArrowDown' && cards.length) cards[0].focus();
    else if (event.key === 'Enter' && cards.length === 1) cards[0].click();
    else if (event.key === 'Escape' && search.value) clear();
    else return;
    event.preventDefault();
  });
  list.addEventListener('keydown', event => {
    const cards = [...list.querySelectorAll('button')];
    const at = cards.indexOf(document.activeElement);
    const columns = Math.max(1, cards.filter(one => one.getBoundingClientRect().top === cards[0].getBoundingClientRect().top).length);
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -at, End: cards.length - 1 - at };
    const step = steps[event.key];
    if (step === undefined || at < 0) return;
    event.preventDefault();
    if (event.key === 'ArrowUp' && at < columns) search.focus();
    else cards[Math.min(Math.max(at + step, 0), cards.length - 1)].focus();
  });
  show();

  const isLong = connectors.length > 1;
  return h(
    'div',
    { class: 'chooser' },
    connectors.length
      ? h('p', { class: 'lead' }, t('choose_help', { organization }))
      : h('p', { class: 'lead' }, t('choose_empty', { organization })),
    isLong && h('div', { class: 'search' }, icon('search'), search),
    isLong && categories.length > 1 && h('div', { class: 'chips', role: 'group', 'aria-label': t('choose_categories') }, chips),
    isLong && found,
    list,
    nothing,
  );
}

function card(connector, onChoose) {
  const { cloud, onPremises } = connector.credits ?? {};
  const price = cloud ?? onPremises;
  return h(
    'li',
    {},
    h(
      'button',
      { type: 'button', class: 'system', onclick: () => onChoose(connector.id) },
      h('span', { class: 'monogram', 'aria-hidden': true }, monogram(connector.name)),
      h(
        'span',
        { class: 'about' },
        h('b', {}, connector.name),
        h('span', { class: 'vendor' }, connector.vendor),
        h('span', { class: 'description', ...foreign() }, connector.description),
        h(
          'span',
          { class: 'tags' },
          connector.categories.map(category => h('span', {}, kindOf(category))),
          price !== undefined && h('span', {}, counted('credits', price)),
        ),
      ),
    ),
  );
}

const monogram = name => {
  const words = name.split(/[\s/]+/).filter(Boolean);
  return (words.length > 1 ? words[0][0] + words[1][0] : name.slice(0, 2)).toUpperCase();
};
