// Every GraphQL document of the console, by the name of its operation.

const ROW = `
  id name status statusReason statusMessage statusSince lastSuccessAt deployment account
  connector { id name }
  customer { externalId name }`;

const EVENT = 'id type cursor connectionId sequence data createdAt';

const ENDPOINT = 'id url description types connectionId ordered enabled disabledReason disabledAt failingSince createdAt updatedAt';

const WRITE = `
  id entity operation state simulated remoteId errorCode errorMessage createdAt durationMs connectionId
  connection { id name }
  actor { kind name }
  userErrors { path code message remoteCode remoteMessage }`;

const REMOTE_FIELD = 'path label type remoteType required readOnly maxLength choices { value label } samples mappedBy suggestedName suggested';

const PROBLEM = 'severity code entity field pointer line message help';

const LAYER = 'version document yaml author comment createdAt affectedConnections';

const CHANGE = 'entity field path kind before after';

const DELIVERY = 'id endpointId eventId connectionId sequence type state attemptCount nextAttemptAt createdAt finishedAt';

export const QUERIES = {
  Organization: `query Organization {
    organization { id name slug credits { total used available } }
  }`,

  Connections: `query Connections($first: Int!, $after: String, $filter: ConnectionFilter) {
    connections(first: $first, after: $after, filter: $filter) {
      nodes { ${ROW} }
      pageInfo { hasNextPage endCursor }
    }
  }`,

  ConnectionRow: `query ConnectionRow($id: ID!) { connection(id: $id) { ${ROW} } }`,

  Connection: `query Connection($id: ID!) {
    connection(id: $id) {
      ${ROW}
      writeMode lastErrorAt lastError { code message } credentialsExpireAt nextCheckAt
      circuit { state openUntil } rateLimit { limited until }
      reconnectUrl credits createdAt updatedAt disconnectedAt
      entityHealth { entity status code message lastSuccessAt lastErrorAt }
      tokens { id name prefix createdAt expiresAt revokedAt lastUsedAt }
    }
  }`,

  Connectors: `query Connectors {
    connectors { id name tier categories deployments trust credits { cloud onPremises } }
  }`,

  // Without `after` the newest come first.
  Events: `query Events($connectionIds: [ID!], $first: Int!, $before: String) {
    events(filter: { connectionIds: $connectionIds }, first: $first, before: $before) {
      nodes { ${EVENT} }
      pageInfo { hasNextPage endCursor }
    }
  }`,

  Pause: 'mutation Pause($id: ID!) { pauseConnection(id: $id) { id status } }',
  Resume: 'mutation Resume($id: ID!) { resumeConnection(id: $id) { id status } }',
  Disconnect: 'mutation Disconnect($id: ID!) { disconnectConnection(id: $id) { id status } }',
  Delete: 'mutation Delete($id: ID!) { deleteConnection(id: $id) { id } }',

  Diagnose: `mutation Diagnose($id: ID!) {
    diagnoseConnection(id: $id) { summary steps { name label state detail advice latencyMs entity } }
  }`,

  RotateToken: `mutation RotateToken($connectionId: ID!, $graceSeconds: Int) {
    rotateConnectionToken(connectionId: $connectionId, graceSeconds: $graceSeconds) {
      token { id name prefix expiresAt } secret oldTokensEndAt
    }
  }`,
  RevokeToken: 'mutation RevokeToken($id: ID!) { revokeToken(id: $id) }',

  CreateConnectLink: `mutation CreateConnectLink($input: CreateConnectLinkInput!) {
    createConnectLink(input: $input) { id url expiresAt }
  }`,
  CreateReconnectLink: `mutation CreateReconnectLink($input: CreateReconnectLinkInput!) {
    createReconnectLink(input: $input) { id url expiresAt }
  }`,
  CreateSettingsLink: `mutation CreateSettingsLink($input: CreateSettingsLinkInput!) {
    createSettingsLink(input: $input) { id url expiresAt }
  }`,
  RevokeLink: 'mutation RevokeLink($id: ID!) { revokeLink(id: $id) }',

  WebhookEndpoints: `query WebhookEndpoints { webhookEndpoints { ${ENDPOINT} } }`,
  WebhookEndpoint: `query WebhookEndpoint($id: ID!) { webhookEndpoint(id: $id) { ${ENDPOINT} } }`,
  WebhookDeliveries: `query WebhookDeliveries($filter: WebhookDeliveryFilter, $first: Int!, $before: String) {
    webhookDeliveries(filter: $filter, first: $first, before: $before) {
      nodes { ${DELIVERY} }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  WebhookDelivery: `query WebhookDelivery($id: ID!) {
    webhookDelivery(id: $id) {
      ${DELIVERY} body
      attempts { number startedAt durationMs status error requestHeaders responseHeaders responseBody }
    }
  }`,
  CreateWebhookEndpoint: `mutation CreateWebhookEndpoint($input: CreateWebhookEndpointInput!) {
    createWebhookEndpoint(input: $input) { endpoint { ${ENDPOINT} } secret }
  }`,
  UpdateWebhookEndpoint: `mutation UpdateWebhookEndpoint($input: UpdateWebhookEndpointInput!) {
    updateWebhookEndpoint(input: $input) { endpoint { ${ENDPOINT} } missed { count since } }
  }`,
  DeleteWebhookEndpoint: 'mutation DeleteWebhookEndpoint($id: ID!) { deleteWebhookEndpoint(id: $id) }',
  RotateWebhookSecret: `mutation RotateWebhookSecret($endpointId: ID!, $overlapSeconds: Int!) {
    rotateWebhookSecret(endpointId: $endpointId, overlapSeconds: $overlapSeconds) { secret oldSecretsEndAt }
  }`,
  SendTestEvent: 'mutation SendTestEvent($endpointId: ID!) { sendTestEvent(endpointId: $endpointId) { id } }',
  RedeliverWebhook: 'mutation RedeliverWebhook($deliveryId: ID!) { redeliverWebhook(deliveryId: $deliveryId) { id } }',
  ReplayWebhooks: `mutation ReplayWebhooks($endpointId: ID!, $from: DateTime!, $to: DateTime!, $undeliveredOnly: Boolean!) {
    replayWebhooks(endpointId: $endpointId, from: $from, to: $to, undeliveredOnly: $undeliveredOnly) { count skipped }
  }`,

  // Without `after` the newest come first.
  Writes: `query Writes($filter: WriteOperationFilter, $first: Int!, $before: String) {
    writes(filter: $filter, first: $first, before: $before) {
      nodes { ${WRITE} }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  Write: `query Write($id: ID!) {
    write(id: $id) {
      ${WRITE}
      mode recordId step warnings idempotencyKey batchId requestId settledBy lookUps dueAt sentAt finishedAt
      requests { step method url headers { name value } body }
    }
  }`,
  SettleWrite: `mutation SettleWrite($id: ID!, $verdict: WriteVerdict!, $remoteId: String) {
    settleWrite(id: $id, verdict: $verdict, remoteId: $remoteId) { id state }
  }`,
  SetWriteMode: `mutation SetWriteMode($connectionId: ID!, $mode: ConnectionWriteMode!) {
    setWriteMode(connectionId: $connectionId, mode: $mode) { id writeMode }
  }`,
  Writable: `query Writable($connectionId: ID!, $entity: String!, $hasUpdate: Boolean!) {
    create: writeSchema(connectionId: $connectionId, entity: $entity, operation: "create") {
      supported alternative
      actions { name allowedIn }
    }
    update: writeSchema(connectionId: $connectionId, entity: $entity, operation: "update") @include(if: $hasUpdate) {
      supported alternative
    }
    delete: writeSchema(connectionId: $connectionId, entity: $entity, operation: "delete") { supported alternative }
  }`,
  WriteSchema: `query WriteSchema($connectionId: ID!, $entity: String!, $operation: String!) {
    writeSchema(connectionId: $connectionId, entity: $entity, operation: $operation) {
      customFields allowedIn leadsTo lock clientReference description descriptionError
      fields { name type description parts required writable allowedValues maxLength source { name label origin } }
      children { field entity create update delete atomic }
      systemFields { name label type required maxLength }
    }
  }`,

  MappedEntities: `query MappedEntities($connectionId: ID!) {
    mappedEntities(connectionId: $connectionId) {
      name label remote isCustom plural mappedFields totalFields customFields
      layers { scope { kind } version }
    }
  }`,
  EntityMapping: `query EntityMapping($connectionId: ID!, $entity: String!, $samples: Int!) {
    entityMapping(connectionId: $connectionId, entity: $entity, samples: $samples) {
      entity label isCustom remote plural describedBy
      fields {
        name label description type list isCustom origin state source mapping layerMapping codec writable
        filterOperators sortable enumValues
        samples { remoteId raw value problem }
      }
      unmapped { ${REMOTE_FIELD} }
      problems { ${PROBLEM} }
    }
  }`,
  RemoteFields: `query RemoteFields($connectionId: ID!, $object: String, $entity: String, $samples: Int!) {
    remoteFields(connectionId: $connectionId, object: $object, entity: $entity, samples: $samples) {
      name label entity describedBy
      fields { ${REMOTE_FIELD} }
    }
  }`,
  RemoteObjects: `query RemoteObjects($connectionId: ID!, $search: String, $first: Int!, $after: String) {
    remoteObjects(connectionId: $connectionId, search: $search, first: $first, after: $after) {
      nodes { name label entity }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  MappingLayer: `query MappingLayer($scope: MappingScopeInput!) {
    mappingLayer(scope: $scope) { ${LAYER} }
  }`,
  MappingVersions: `query MappingVersions($scope: MappingScopeInput!, $first: Int!, $after: String) {
    mappingVersions(scope: $scope, first: $first, after: $after) {
      nodes { version yaml author comment createdAt changes { ${CHANGE} } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  MappingDiff: `query MappingDiff($scope: MappingScopeInput!, $from: Int!, $to: Int!) {
    mappingDiff(scope: $scope, from: $from, to: $to) { ${CHANGE} }
  }`,
  PreviewMapping: `query PreviewMapping($input: PreviewMappingInput!) {
    previewMapping(input: $input) {
      problems { ${PROBLEM} }
      records { remoteId raw before after changedFields problems { field path message } }
      filters { field before after }
      writes { field before after }
    }
  }`,
  SaveMapping: `mutation SaveMapping($input: SaveMappingInput!) {
    saveMapping(input: $input) { layer { ${LAYER} } problems { ${PROBLEM} } }
  }`,
  RollBackMapping: `mutation RollBackMapping($scope: MappingScopeInput!, $toVersion: Int!, $expectedVersion: Int!, $comment: String) {
    rollBackMapping(scope: $scope, toVersion: $toVersion, expectedVersion: $expectedVersion, comment: $comment) {
      layer { ${LAYER} } problems { ${PROBLEM} }
    }
  }`,
  CopyMapping: `mutation CopyMapping($from: MappingScopeInput!, $to: [MappingScopeInput!]!, $comment: String) {
    copyMapping(from: $from, to: $to, comment: $comment) { scope { connectionId } layer { version } problems { ${PROBLEM} } error { code message } }
  }`,

  Credits: `query Credits($first: Int!, $before: String) {
    organization {
      id
      credits {
        total used available
        entries(first: $first, before: $before) {
          nodes { id kind amount connectionId note createdAt }
          pageInfo { hasNextPage endCursor }
        }
      }
    }
  }`,

  AuditLog: `query AuditLog($filter: AuditFilter, $first: Int!, $before: String) {
    auditLog(filter: $filter, first: $first, before: $before) {
      nodes { id actorKind actorId actorName address requestId action targetId detail createdAt }
      pageInfo { hasNextPage endCursor }
    }
  }`,
};

/** The one subscription: everything that happens in the organization, from a cursor on. */
export const FEED = `subscription Feed($after: String) {
  events(after: $after) { ${EVENT} }
}`;

/** The types of events, for filters. */
export const EVENT_TYPES = [
  ...['created', 'activated', 'reauth_required', 'reauthorized', 'token_rotated', 'degraded', 'unreachable', 'recovered'],
  ...['circuit_opened', 'circuit_closed', 'rate_limited', 'credentials_expiring', 'paused', 'resumed', 'disabled', 'enabled'],
  ...['mapping_changed', 'schema_changed', 'disconnected'],
]
  .map(name => `connection.${name}`)
  .concat(['write.succeeded', 'write.failed', 'write.in_doubt'])
  .concat(['credits.reserved', 'credits.released', 'credits.low', 'credits.exhausted', 'webhook.disabled']);

export const STATUSES = ['PENDING', 'ACTIVE', 'DEGRADED', 'UNREACHABLE', 'REAUTH_REQUIRED', 'PAUSED', 'DISABLED', 'DISCONNECTED'];
export const DELIVERY_STATES = ['PENDING', 'DELIVERED', 'FAILED', 'CANCELLED'];

/** What stands for a write's state, with the states that it means. */
export const WRITE_STATES = { queued: ['QUEUED'], running: ['RUNNING', 'SENDING'], succeeded: ['SUCCEEDED'], failed: ['FAILED'], 'in doubt': ['IN_DOUBT'] };
export const WRITE_MODES = ['ENABLED', 'READ_ONLY', 'SIMULATE'];

/** The types whose records can be written, and what some of them have beyond creating, changing and deleting. */
export const WRITABLE = [
  ...['PurchaseOrder', 'PurchaseOrderLine', 'WorkOrder', 'WorkOrderTask', 'WorkOrderPart', 'WorkOrderLabor'],
  ...['InventoryItem', 'Vendor', 'Asset', 'MeterReading'],
];
/** Readings are made and removed, never changed. */
export const UNCHANGEABLE = ['MeterReading'];
export const WRITE_OPERATIONS = [
  ...['create', 'update', 'delete', 'submit', 'approve', 'cancel', 'close', 'receive', 'release', 'start', 'hold', 'complete'],
  ...['adjust', 'transfer', 'issue', 'block', 'unblock', 'decommission'],
];
