// The views of a connection's fields and mappings by their addresses, for the console and for the page of a customer.
import { h } from '../../connect/dom.js';
import { ask } from '../api.js';
import { load, notice } from '../ui.js';
import { entitiesView } from './entities.js';
import { entityView } from './entity.js';
import { placeOf } from './place.js';
import { versionsView } from './versions.js';
import { wizardView } from './wizard.js';
import { yamlView } from './yaml.js';

export const VIEWS = {
  mappings: (place, item) => (item ? entityView(place, item) : entitiesView(place)),
  'new-entity': place => wizardView(place),
  versions: (place, _, query) => versionsView(place, query),
  yaml: (place, _, query) => yamlView(place, query),
};

let last = null;

/** Makes a view of the console. The connection is read once for all of its views. */
export function mappingsOf(id, part, item, query) {
  const element = h('div');
  let inner = null;
  let hasEnded = false;
  load(element, async () => {
    if (last?.id !== id) {
      const { connection } = await ask('ConnectionRow', { id });
      if (!connection) return notice('warn', h('p', {}, 'There is no such connection for this key.'));
      last = placeOf(connection, { base: `#/connections/${id}`, isStaff: true });
    }
    if (hasEnded) return null;
    inner = VIEWS[part](last, item, query);
    return inner.element;
  });
  return {
    title: item ?? 'Fields and mappings',
    element,
    end() {
      hasEnded = true;
      inner?.end?.();
    },
  };
}
