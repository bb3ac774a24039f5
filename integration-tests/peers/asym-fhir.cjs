// Asymmetrik's node-fhir-server-core with stores in memory. It answers 201 with an empty body, a relative Location without a
// leading slash, and a bare ETag. Base: /4_0_0. Environment: PEOPLE as in medplum-fhir.cjs.
const { initialize } = require('@asymmetrik/node-fhir-server-core');
const store = require('./asym-store.cjs');

const profiles = {};
for (const name of ['documentreference', 'patient', 'encounter']) profiles[name] = { service: store(name), versions: ['4_0_0'] };
initialize({ profiles }).listen(1);
