// The choice of a codec with its parameters; for tables of values, a table to type in.
import { fill, h } from '../../connect/dom.js';
import { field, select, text } from '../ui.js';
import { CODECS, codecOf, codecParameters, codecWord, typed, typing } from './grammar.js';
import { pairTable } from './pairs.js';

/**
 * Makes the form. `given` is the codec as it is, or nothing where it follows from the type; `isBelow` tells that the layers below say it; `values` are the values of
 * the field's enum, and `offered` the source values that were seen.
 */
export function codecForm({ given, type, values, offered, isBelow = false, onChange }) {
  const isEnum = values.length > 0 || String(type).toLowerCase() === 'enum';
  const auto = isBelow ? 'as it is' : isEnum ? 'the same values as in the system' : `as the type says: ${String(type).toLowerCase()}`;
  const word = select([['', auto], ...CODECS.filter(([name]) => name !== 'enum' || isEnum || codecWord(given) === 'enum').map(([name, title]) => [name, title])], { value: codecWord(given) ?? '' });
  const parameters = h('div', { class: 'pair' });
  let read = () => ({});

  function draw() {
    const [, , known] = CODECS.find(([name]) => name === word.value) ?? [];
    const now = codecWord(given) === word.value ? codecParameters(given) : {};
    if (known === 'table') {
      const table = pairTable({ label: 'Values of the system and what they become', titles: ['In the system', 'Unified value'], given: now, choices: values.length ? values : undefined, offered, onChange });
      read = table.value;
      parameters.className = '';
      return fill(parameters, table.element);
    }
    parameters.className = 'pair';
    const inputs = (Array.isArray(known) ? known : []).map(([name, label, kind]) => {
      if (Array.isArray(kind)) {
        const input = select(kind, { value: now[name], onchange: onChange });
        return { name, element: field(label, input), value: () => input.value };
      }
      const value = kind === 'list' ? (now[name] ?? []).map(typing).join(', ') : (now[name] ?? '');
      const input = text({ value, inputmode: kind === 'number' ? 'numeric' : undefined, oninput: onChange });
      const convert = { list: () => input.value.split(',').map(typed).filter(one => one !== undefined), number: () => (input.value.trim() ? Number(input.value) : '') }[kind] ?? (() => input.value);
      return { name, element: field(label, input, kind === 'list' ? 'With commas between them.' : undefined), value: convert };
    });
    read = () => Object.fromEntries(inputs.map(input => [input.name, input.value()]));
    return fill(parameters, inputs.map(({ element }) => element));
  }
  word.addEventListener('change', () => {
    draw();
    onChange();
  });
  draw();
  return {
    element: h('div', {}, field('How it is read', word), parameters),
    value: () => (word.value ? codecOf(word.value, read()) : null),
  };
}
