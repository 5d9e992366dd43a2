// Where mappings are worked on: one connection, the layers that may be changed from there, and the addresses of views.
import { ask } from '../api.js';

/**
 * Makes a place. `base` is what every address begins with; `isStaff` tells the console from the page of a customer, who
 * changes the layer of the one connection only.
 */
export function placeOf(connection, { base, isStaff, onSaved = () => {} }) {
  const { id, connector, customer } = connection;
  const system = connector?.name ?? 'this system';
  const layers = [{ key: 'connection', kind: 'CONNECTION', title: 'This connection', about: `only ${connection.name}`, scope: { connectionId: id } }];
  if (isStaff && connector && customer)
    layers.push({ key: 'customer', kind: 'CUSTOMER', title: 'This customer', about: `every ${system} of ${customer.name}`, scope: { connector: connector.id, customer: customer.externalId } });
  if (isStaff && connector) layers.push({ key: 'organization', kind: 'ORGANIZATION', title: 'Everybody', about: `every ${system} of the organization`, scope: { connector: connector.id } });
  let entities = null;
  return {
    id,
    connection,
    system,
    layers,
    isStaff,
    onSaved(layer) {
      entities = null;
      onSaved(layer);
    },
    /** Returns the names of all entities, those of one's own too. */
    entities: () => (entities ??= ask('MappedEntities', { connectionId: id }).then(answer => answer.mappedEntities.map(({ name }) => name), () => [])),
    layer: key => layers.find(layer => layer.key === key) ?? layers[0],
    href: (view, item, query) => `${base}/${view}${item ? `/${encodeURIComponent(item)}` : ''}${query ? `?${new URLSearchParams(query)}` : ''}`,
  };
}

export const LAYER_NAMES = { CONNECTOR: 'connector', ORGANIZATION: 'organization', CUSTOMER: 'customer', CONNECTION: 'connection', NONE: 'nothing' };
