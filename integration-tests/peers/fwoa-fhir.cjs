// FHIR Works on AWS: its express app, its routes and its JSON schema validator over a store in memory that is written here.
// It answers 201 without Location. Base: / . Environment: PEOPLE as in medplum-fhir.cjs; TYPES (default DocumentReference,Patient,Encounter) are its resources.
process.env.IS_OFFLINE = 'true';
process.env.LOG_LEVEL = 'error';
const { randomUUID } = require('crypto');
const { generateServerlessRouter } = require('fhir-works-on-aws-routing');
const SchemaValidator = require('fhir-works-on-aws-routing/lib/router/validation/jsonSchemaValidator').default;
const { ResourceNotFoundError, stubs } = require('fhir-works-on-aws-interface');

const held = new Map();
const put = (type, id, resource, version) => {
  const kept = { ...resource, resourceType: type, id, meta: { ...resource.meta, versionId: String(version), lastUpdated: new Date().toISOString() } };
  held.set(type + '/' + id, kept);
  return { message: 'ok', resource: kept };
};
const get = ({ resourceType, id }) => {
  const resource = held.get(resourceType + '/' + id);
  if (!resource) throw new ResourceNotFoundError(resourceType, id);
  return { message: 'ok', resource };
};
for (const r of JSON.parse(process.env.PEOPLE || '[]')) put(r.resourceType, r.id, r, 1);

const persistence = {
  updateCreateSupported: false,
  createResource: async (q) => {
    tell({ method: 'POST', path: '/' + q.resourceType });
    return put(q.resourceType, q.id || randomUUID(), q.resource, 1);
  },
  readResource: async (q) => get(q),
};
const search = {
  getCapabilities: async () => ({}),
  typeSearch: async (q) => {
    const [system, value] = [].concat(q.queryParams.identifier ?? '')[0].split('|');
    const found = [...held.values()].filter((r) => r.resourceType === q.resourceType && (!value || (r.identifier ?? []).some((i) => i.system === system && i.value === value)));
    return { message: 'ok', result: { numberOfResults: found.length, entries: found.map((resource) => ({ search: { mode: 'match' }, fullUrl: `${q.baseUrl}/${q.resourceType}/${resource.id}`, resource })) } };
  },
};
const server = { url: 'http://127.0.0.1' };
const app = generateServerlessRouter({
  configVersion: 1, server, productInfo: { orgName: 'peer', productVersion: '1', productTitle: 'peer' },
  validators: [new SchemaValidator('4.0.1')], logging: { level: 'error' },
  auth: { strategy: { service: 'Basic' }, authorization: stubs.passThroughAuthz },
  profile: {
    fhirVersion: '4.0.1', systemOperations: [], bundle: stubs.bundle, systemSearch: stubs.search, systemHistory: stubs.history,
    genericResource: { operations: ['create', 'read', 'search-type'], fhirVersions: ['4.0.1'], persistence, typeSearch: search, typeHistory: stubs.history },
  },
}, (process.env.TYPES || 'DocumentReference,Patient,Encounter').split(','));
app.listen(0);
