// The grammar of overlays as forms see it: patches of fields taken apart and put together again. Nothing here makes
// elements or asks the server.

/** Words that give the value anew; with one of them nothing of the mapping below is left. */
const SOURCES = ['path', 'constant', 'cases', 'compute', 'keys', 'object', 'list', 'each', 'lists', 'digest', 'expression'];
/** Words that have a control of their own. */
const SHOWN = ['path', 'expression', 'constant', 'as', 'default', 'filter', 'sort', 'write', 'hide'];

export const OPERATORS = ['eq', 'ne', 'in', 'contains', 'startsWith', 'gt', 'gte', 'lt', 'lte', 'isNull'];

/** Types of custom fields with what people call them. */
export const TYPES = [
  ['string', 'Text'],
  ['integer', 'Whole number'],
  ['decimal', 'Decimal number'],
  ['boolean', 'Yes or no'],
  ['date', 'Date'],
  ['datetime', 'Date and time'],
  ['enum', 'One of some values'],
  ['reference', 'Reference to a record'],
  ['object', 'Several parts'],
  ['json', 'Anything (JSON)'],
];

/** Codecs: the word, what it does, and its parameters as `[name, label, options?]`; `null` parameters are a lone word. */
export const CODECS = [
  ['string', 'Text', null],
  ['trimmed', 'Text without blanks at the end', null],
  ['leading_zeros', 'Key with leading zeros', [['width', 'Number of digits', 'number']]],
  ['prefixed', 'Key behind a fixed text', [['prefix', 'The text before it']]],
  ['integer', 'Whole number', null],
  ['decimal', 'Decimal number', null],
  ['decimal_text', 'Number kept as text', null],
  ['scaled', 'Number times a factor', [['factor', 'Factor, such as 0.01']]],
  ['boolean', 'Yes or no', [['true', 'Values that mean yes', 'list'], ['false', 'Values that mean no', 'list']]],
  ['date', 'Date', [['format', 'Format (strftime), if it is not ISO 8601']]],
  ['date_time', 'Date and time', [['format', 'Format (strftime), if it is not ISO 8601'], ['zone', 'Zone of values without one']]],
  ['unix', 'Time as a number since 1970', [['unit', 'Unit', [['s', 'seconds'], ['ms', 'milliseconds']]]]],
  ['ms_date', 'Date as /Date(…)/', null],
  ['class_object', 'Object that names its class', null],
  ['duration', 'Duration', [['unit', 'Unit', [['seconds', 'seconds'], ['minutes', 'minutes'], ['hours', 'hours'], ['days', 'days']]]]],
  ['enum', 'Table of values', 'table'],
  ['split', 'Text split into a list', [['separator', 'Between the elements']]],
  ['join', 'List joined into a text', [['separator', 'Between the elements']]],
  ['html_text', 'HTML as plain text', null],
  ['json', 'As it came (JSON)', null],
];

/** Returns the word of a codec. */
export const codecWord = codec => (typeof codec === 'string' ? codec : Object.keys(codec ?? {})[0]);
export const codecParameters = codec => (typeof codec === 'object' && codec ? (Object.values(codec)[0] ?? {}) : {});

/** Says in words how a value is read. */
export function codecText(codec) {
  const word = codecWord(codec);
  return CODECS.find(([known]) => known === word)?.[1] ?? word;
}

/** Makes a codec of a word and its parameters, of which empty ones are left out. */
export function codecOf(word, parameters) {
  const [, , known] = CODECS.find(([name]) => name === word) ?? [];
  if (known === null || known === undefined) return word;
  if (known === 'table') return { enum: parameters };
  const given = Object.entries(parameters).filter(([, value]) => value !== '' && value !== undefined && value?.length !== 0);
  return { [word]: Object.fromEntries(given) };
}

const isNothing = value => value === null || value === undefined || value === false || (Array.isArray(value) && value.length === 0);

/** Returns a mapping in its long form without what says nothing. */
export function long(mapping) {
  if (typeof mapping === 'string') return { path: mapping };
  return Object.fromEntries(Object.entries(mapping ?? {}).filter(([word, value]) => word === 'constant' || word === 'default' ? value !== null && value !== undefined : !isNothing(value)));
}

const first = path => (Array.isArray(path) ? path[0] : path);

/**
 * Takes a change apart for a form. `below` is the mapping that holds now, which fills in what the change leaves as it
 * is; `fallback` is the way of giving the value where the change gives none.
 */
export function draftOf(change, below, fallback = 'below') {
  const own = long(change);
  const now = long(below);
  const source = SOURCES.find(word => word in own);
  const hasSeveral = Array.isArray(own.path) && own.path.length > 1;
  const simple = ['path', 'expression', 'constant'].includes(source) && !hasSeveral;
  const mode = own.hide ? 'hide' : simple ? source : source ? 'json' : fallback;
  const lies = source ? own : { ...now, ...own };
  return {
    mode,
    path: first(own.path ?? now.path) ?? '',
    expression: own.expression ?? now.expression ?? '',
    constant: own.constant ?? now.constant,
    as: lies.as ?? null,
    default: lies.default,
    filter: lies.filter ?? [],
    sort: lies.sort ?? false,
    write: own.write ?? null,
    json: source && !simple ? own : now,
    rest: Object.fromEntries(Object.entries(own).filter(([word]) => !SHOWN.includes(word) && !SOURCES.includes(word))),
  };
}

const same = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

/**
 * Puts a change together. Unless the value is given anew, what is as it was is left out, but for what the change as it
 * stands (`own`) says already.
 */
export function patchOf(draft, below, own = {}) {
  if (draft.mode === 'hide') return { hide: true };
  if (draft.mode === 'json') return draft.json;
  const now = long(below);
  const patch = {};
  if (draft.mode === 'path') patch.path = draft.path.trim();
  if (draft.mode === 'expression') patch.expression = draft.expression.trim();
  if (draft.mode === 'constant') patch.constant = draft.constant ?? null;
  const isNew = draft.mode !== 'below';
  for (const word of ['as', 'default', 'filter', 'sort']) {
    const isSaid = !isNothing(draft[word]) && draft[word] !== '';
    if (isNew ? isSaid : word in own || !same(isSaid ? draft[word] : null, now[word])) patch[word] = draft[word] ?? null;
  }
  if (draft.mode === 'constant') for (const word of ['as', 'default', 'filter', 'sort']) delete patch[word];
  else if (draft.write) patch.write = draft.write;
  Object.assign(patch, draft.rest);
  return patch;
}

/** Returns whether a change gives the value anew. */
export const hasSource = change => SOURCES.some(word => word in long(change));

/** Writes a patch in its shortest form. */
export const short = patch => (Object.keys(patch).length === 1 && typeof patch.path === 'string' ? patch.path : patch);

/** Makes a name for a field of one's own: `x_cost_center` becomes `costCenter`. */
export function fieldName(text) {
  const parts = String(text ?? '')
    .replace(/^(x_studio|x|z|zz|yy1|custom|udf|u|cf)_/i, '')
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .split(/[^A-Za-z0-9]+/)
    .filter(Boolean);
  const joined = parts.map((part, index) => (index === 0 ? lowered(part) : part[0].toUpperCase() + part.slice(1))).join('');
  return /^[A-Za-z]/.test(joined) ? joined : joined && `field${joined}`;
}
const lowered = part => (part === part.toUpperCase() ? part.toLowerCase() : part[0].toLowerCase() + part.slice(1));

/** What every record has, so that no field of one's own may be called so. */
export const RESERVED = ['id', 'remoteId', 'connection', 'connectionId', 'remoteKeys', 'remoteUrl', 'version', 'createdAt', 'updatedAt', 'deletedAt', 'isDeleted', 'fetchedAt', 'customFields', 'raw'];

/** Returns the name and the definition that a field of the system might have. */
export function suggestionOf(found) {
  const definition = { label: found.label ?? undefined, ...(found.suggested ?? { type: 'string', source: found.path }) };
  const proposal = found.suggestedName ?? fieldName(found.path);
  return { name: RESERVED.includes(proposal) ? `own${proposal[0].toUpperCase()}${proposal.slice(1)}` : proposal, definition };
}

/** Proposes what identifies a record: a field that differs in all samples, one of the first or one that is named like a key. */
export function keyOf(fields) {
  // Samples are told once each, so a field with fewer of them than others has the same value in several records.
  const most = Math.max(0, ...fields.map(({ samples }) => samples.length));
  const isKey = ({ samples }) => samples.length === most && samples.every(value => ['string', 'number'].includes(typeof value) && value !== '');
  const isNamed = ({ path }) => /(^|[_.])(id|key|no)$|(ID|Id|num|Num|number|Number)$/.test(path);
  const known = fields.filter(isKey);
  const found = known.find(one => fields.indexOf(one) === 0) ?? known.find(isNamed) ?? known[0];
  return found?.path ?? '';
}

/** Makes a name for an entity of one's own that none of the others has. */
export function entityName(text, taken = []) {
  const name = fieldName(text).replace(/ies$/, 'y').replace(/([^su])s$/, '$1');
  if (!name) return '';
  const proposal = name[0].toUpperCase() + name.slice(1);
  return taken.includes(proposal) ? `Own${proposal}` : proposal;
}
export function pluralName(name) {
  const low = name && name[0].toLowerCase() + name.slice(1);
  if (!low) return '';
  if (/[^aeiou]y$/.test(low)) return `${low.slice(0, -1)}ies`;
  return /(s|x|ch|sh)$/.test(low) ? `${low}es` : `${low}s`;
}

const UNIFIED = { String: 'string', ID: 'string', Int: 'integer', Integer: 'integer', Long: 'integer', Decimal: 'decimal', Float: 'decimal', Boolean: 'boolean', Date: 'date', DateTime: 'datetime', JSON: 'json' };

/** Says of a field that another layer defines what its definition is, from what is seen of it. */
export function definitionSeen(field) {
  const kind = String(field.type ?? '').replace(/[[\]!]/g, '');
  const seen = { list: field.list || undefined, label: field.label ?? undefined, description: field.description ?? undefined };
  if (field.enumValues?.length) return { type: 'enum', ...seen, values: Object.fromEntries(field.enumValues.map(value => [value, value])) };
  const type = UNIFIED[kind] ?? TYPES.find(([known]) => known === kind.toLowerCase())?.[0];
  return type ? { type, ...seen } : { type: 'reference', ...seen, to: kind };
}

/** Shows a value on one line. */
export function shown(value, most = 80) {
  if (value === undefined || value === null) return '—';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** Reads what somebody typed as a value: JSON if it is, else the text. */
export function typed(text) {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  try {
    return JSON.parse(trimmed);
  } catch {
    return trimmed;
  }
}
/** Writes a value so that `typed` reads it again. */
export function typing(value) {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' && typed(value) === value ? value : JSON.stringify(value);
}
