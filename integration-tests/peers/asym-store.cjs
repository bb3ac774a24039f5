// The services of asym-fhir.cjs: a store in memory. Routing, negotiation, arguments and answers are the library's.
const { resolveSchema } = require('@asymmetrik/node-fhir-server-core');

const store = (name) => {
  const Resource = resolveSchema('4_0_0', name);
  const held = new Map();
  for (const r of JSON.parse(process.env.PEOPLE || '[]')) if (r.resourceType.toLowerCase() === name) held.set(r.id, new Resource(r));
  return {
    create: async (args, { req }) => {
      const resource = new Resource(req.body);
      resource.id = String(held.size + 1);
      held.set(resource.id, resource);
      tell({ method: 'POST', path: '/' + req.body.resourceType });
      return { id: resource.id, resource_version: '1' };
    },
    searchById: async ({ id }) => held.get(id),
    search: async (args, { req }) => {
      const wanted = { ...req.query, ...req.body }.identifier;
      const [system, value] = (wanted ?? '').split('|');
      const all = [...held.values()].filter((r) => !wanted || (r.toJSON().identifier ?? []).some((i) => i.system === system && i.value === value));
      const Bundle = resolveSchema('4_0_0', 'bundle');
      return new Bundle({ type: 'searchset', total: all.length, entry: all.map((resource) => ({ resource })) });
    },
  };
};
module.exports = store;
