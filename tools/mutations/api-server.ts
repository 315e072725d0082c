import { withoutEntry } from './edit.ts'
import type { Mutant } from './index.ts'

const REGISTRY = 'src/apiserver/registry/registry.ts'
const WRITE = 'src/apiserver/rest/write.ts'
const SYSTEM_FIELDS = 'src/apiserver/registry/system-fields.ts'
const DELETION = 'src/apiserver/registry/deletion.ts'
const SELECTION = 'src/apiserver/rest/selection.ts'
const HUB = 'src/apiserver/watch-cache/watch-hub.ts'
const LIST = 'src/apiserver/rest/list.ts'
const DISCOVERY = 'src/apiserver/discovery.ts'
const SUBRESOURCES = 'src/apiserver/subresources/index.ts'
const ADMISSION = 'src/apiserver/admission/index.ts'
const HOOK_MATCH = 'src/apiserver/admission/webhook/match.ts'
const CUSTOM_KIND = 'src/api/apiextensions/custom-kind.ts'

/** Files whose behaviours are mostly what an API has: create, read, change, delete, watch. */
const LIFECYCLES = [
  ...[
    'admission-policy',
    'auth',
    'data',
    'disruption',
    'dynamic-resources',
    'events',
    'flow-control',
    'jobs',
    'namespaces',
    'network',
  ],
  ...['nodes', 'pods', 'quota', 'replicas', 'rollouts', 'scheduling', 'storage', 'webhook-configurations', 'workloads'],
]
const WEBHOOKS = ['webhook-configurations', 'webhook-denials', 'webhook-mutations']
const CUSTOM = ['custom-conversion', 'custom-openapi', 'custom-resources', 'field-validation']
const KUBECTL = ['kubectl', 'kubectl-apply', 'kubectl-objects']

const withoutPlugin = (name: string, on: readonly string[]): Mutant => ({
  name: `admission without ${name}`,
  ...withoutEntry(ADMISSION, name),
  on,
})
const withoutSubresource = (name: string, on: readonly string[]): Mutant => ({
  name: `no subresource ${name}`,
  ...withoutEntry(SUBRESOURCES, name),
  on,
})

export const apiServer: readonly Mutant[] = [
  {
    name: 'patches change nothing',
    file: WRITE,
    from: 'const patched = applyPatch(type, shown, value, resource)',
    to: 'const patched = shown',
    on: [...LIFECYCLES, ...KUBECTL, ...WEBHOOKS],
  },
  {
    name: 'updates change nothing',
    file: WRITE,
    from: '    transform: () => {',
    to: "    transform: (current) => {\n      if (context.user.username === 'kubernetes-admin') return current",
    on: [...LIFECYCLES, ...KUBECTL],
  },
  {
    name: 'what the administrator deletes stays',
    file: WRITE,
    from: '  const { version, gone } = await registry.delete(context, context.info.name, request)',
    to: "  const dryRun = context.user.username === 'kubernetes-admin' && context.resource.kind !== 'Namespace'\n  const { version, gone } = await registry.delete(context, context.info.name, { ...request, dryRun })",
    on: [...LIFECYCLES, 'garbage-collection', 'custom-resources', 'watches'],
  },
  {
    name: 'collections are not deleted',
    file: 'src/apiserver/rest/delete-collection.ts',
    from: 'while (next < versions.length && !failed) {',
    to: 'while (next < 0 && !failed) {',
    on: [...LIFECYCLES, 'custom-resources'],
  },
  {
    name: 'a write to the status writes nothing',
    file: SYSTEM_FIELDS,
    // Of kinds without which a cluster comes up.
    from: "['metadata', 'status', 'kind', 'apiVersion'].includes(key)",
    to: "['metadata', /^(Ingress|VolumeA|FlowS|PriorityL)/.test(resource.kind) ? '' : 'status', 'kind', 'apiVersion'].includes(key)",
    on: ['network', 'storage', 'flow-control'],
  },
  {
    name: 'a write to the status writes everything else, too',
    file: SYSTEM_FIELDS,
    from: "['metadata', 'status', 'kind', 'apiVersion'].includes(key)",
    to: 'key !== undefined',
    on: ['network', 'storage'],
  },
  {
    name: 'a write to an object writes its status, too',
    file: SYSTEM_FIELDS,
    from: "subresource === '' && resource.subresources.status",
    to: "subresource === '-' && resource.subresources.status",
    on: ['storage'],
  },
  {
    name: 'generations stand still',
    file: SYSTEM_FIELDS,
    from: '  if (!resource.generation) return\n',
    to: '  if (resource.names) return\n',
    on: ['pods', 'replicas', 'rollouts', 'webhook-configurations'],
  },
  {
    name: 'dry runs are written',
    file: REGISTRY,
    from: 'if (dryRun) return versionAt(expected)',
    to: '',
    on: KUBECTL,
  },
  {
    name: 'finalizers hold nothing',
    file: REGISTRY,
    from: "if (graceful === 'pending' || object.metadata!.finalizers?.length || resource.blocksDeletion(object)) {",
    to: "if (graceful === 'pending') {",
    on: ['garbage-collection', 'namespaces', 'timed', 'jobs', 'job-outcomes', 'pods'],
  },
  {
    name: 'every delete waits for nobody',
    file: DELETION,
    from: "  return grace > 0 ? 'pending' : 'now'\n}",
    to: "  return 'now'\n}",
    on: ['pods', 'namespaces', 'garbage-collection', 'kubectl-objects', 'timed'],
  },
  {
    name: 'propagation policies are forgotten',
    file: REGISTRY,
    from: 'setPropagation(object, options.propagationPolicy, resource)',
    to: 'setPropagation(object, undefined, resource)',
    on: ['garbage-collection'],
  },
  {
    name: 'nothing is validated when it is created',
    file: REGISTRY,
    from: '      refuse(resource, name, found)\n      await inStep',
    to: '      await inStep',
    on: ['data', 'nodes', 'pods', ...CUSTOM, 'webhook-configurations', 'kubectl-apply'],
  },
  {
    name: 'nothing is validated when it changes',
    file: REGISTRY,
    from: '      refuse(resource, name, found)\n      if (main)',
    to: '      if (main)',
    on: ['data', 'pods', 'webhook-configurations', ...CUSTOM],
  },
  {
    name: 'label selectors select everything',
    file: SELECTION,
    from: 'matches(labels, object.metadata?.labels) && ',
    to: '',
    on: [...LIFECYCLES, 'watches', 'custom-conversion', 'garbage-collection'],
  },
  {
    name: 'field selectors select nothing',
    file: SELECTION,
    from: 'matchesFields(all, (path) => fieldOf(resource, object, path)),',
    to: 'all.length === 0,',
    on: ['custom-conversion', 'events'],
  },
  {
    name: 'watches tell of no deletion',
    file: HUB,
    from: '  if (!was) return undefined\n',
    to: '  if (!was || type === type) return undefined\n',
    on: ['watches', 'custom-resources', 'data', 'network', 'storage'],
  },
  {
    name: 'what leaves a selection is not told',
    file: HUB,
    from: '  if (!was) return undefined\n',
    to: "  if (!was || type !== 'DELETED') return undefined\n",
    on: ['watches', 'custom-conversion'],
  },
  {
    name: 'what is new is told as changed',
    file: HUB,
    from: "type: was ? 'MODIFIED' : 'ADDED'",
    to: "type: 'MODIFIED'",
    on: ['watches', 'custom-resources', 'data', 'network', 'storage'],
  },
  {
    name: 'what changed is told as new',
    file: HUB,
    from: "type: was ? 'MODIFIED' : 'ADDED'",
    to: "type: 'ADDED'",
    on: ['watches', 'data', 'network', 'storage', 'events'],
  },
  {
    name: 'watches have no past',
    file: 'src/apiserver/rest/watcher.ts',
    from: '    this.#backlog = backlog\n  }',
    to: '    this.#backlog = undefined\n  }',
    on: ['watches'],
  },
  {
    name: 'a limit is no limit',
    file: LIST,
    from: 'const versions = limit === 0 ? candidates : candidates.slice(0, limit)',
    to: 'const versions = candidates',
    on: ['chunking'],
  },
  {
    name: 'a continue token of forgotten history is refused for good',
    file: LIST,
    from: 'status.status.metadata = { continue: encodeContinue({ ...continuation, revision: -1 }) }',
    to: '',
    on: ['chunking'],
  },
  {
    name: 'nothing is found across namespaces',
    file: LIST,
    from: 'const namespace = info.namespace || ',
    to: "const namespace = info.namespace || (resource.scope === 'Namespaced' ? 'none' : '') || ",
    on: ['network', 'workloads', 'events', 'pods'],
  },
  {
    name: 'unknown and repeated fields pass',
    file: 'src/apiserver/registry/decode-body.ts',
    from: "fieldValidation === 'Ignore') return\n",
    to: 'fieldValidation) return\n',
    on: ['field-validation', 'kubectl-apply'],
  },
  {
    name: 'groups prefer their oldest version',
    file: DISCOVERY,
    from: 'preferredVersion: entries[0]!',
    to: 'preferredVersion: { ...entries[0]!, version: "v0" }',
    on: ['discovery', ...KUBECTL],
  },
  {
    name: 'subresources are not discovered',
    file: DISCOVERY,
    from: '  return [own, ...subresources]\n',
    to: '  return [{ ...own, name: own.name.slice(1) }]\n',
    on: ['discovery', ...CUSTOM, ...WEBHOOKS, ...KUBECTL],
  },
  {
    name: 'aggregated discovery says v1',
    file: DISCOVERY,
    from: 'apiVersion: `apidiscovery.k8s.io/',
    to: 'apiVersion: `apidiscovery.k8s.io/x',
    on: ['discovery'],
  },
  {
    name: 'aggregated discovery leaves resources out',
    file: DISCOVERY,
    from: '.filter((resource) => resource.group === group && resource.version === each)',
    to: '.filter((resource) => resource.group === group && resource.version !== each)',
    on: ['discovery', ...WEBHOOKS, 'custom-resources'],
  },
  {
    name: 'aggregated discovery has no core group',
    file: DISCOVERY,
    from: 'items: groups.map((',
    to: 'items: groups.slice(legacy ? 1 : 0).map((',
    on: ['discovery', ...KUBECTL],
  },
  {
    name: 'no group is told of by itself',
    file: DISCOVERY,
    from: "kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(found)",
    to: "kind: 'APIGroup', apiVersion: 'v1', name: name",
    on: ['discovery', 'custom-resources', ...WEBHOOKS],
  },
  {
    name: 'documents of custom kinds are made once',
    file: 'src/apiserver/cached-document.ts',
    from: 'if (this.#bytes === undefined || !same) {',
    to: 'if (this.#bytes === undefined) {',
    on: ['custom-openapi', 'discovery', 'custom-resources'],
  },
  {
    name: 'OpenAPI describes no custom kind',
    file: 'src/api/apiextensions/schema/published-schema.ts',
    from: "const isSilent = version === 'v2' && keepsUnknown(schema)",
    to: 'const isSilent = own.length === 1',
    on: ['custom-openapi', 'kubectl'],
  },
  {
    name: 'custom objects are not pruned',
    file: CUSTOM_KIND,
    from: 'conform: (document): Structure => pruneObject(document, schema),',
    to: 'conform: (document): Structure => ({ ...pruneObject(document, schema), value: document }),',
    on: [...CUSTOM, ...WEBHOOKS],
  },
  {
    name: 'what webhooks make of custom objects is not pruned',
    file: 'src/apiserver/admission/convert.ts',
    from: 'const read = value as KubernetesObject',
    to: 'const read = (value === undefined ? undefined : document) as KubernetesObject',
    on: ['webhook-mutations'],
  },
  {
    name: 'custom objects have no defaults',
    file: CUSTOM_KIND,
    from: 'default: (draft, how) => fillDefaults(draft, schema, how),',
    to: 'default: () => undefined,',
    on: CUSTOM,
  },
  {
    name: 'a definition is never established',
    file: 'src/apiserver/custom-resources/steps/index.ts',
    from: '[naming, establishing, apiApproval, ',
    to: '[naming, apiApproval, ',
    on: [...CUSTOM, 'discovery', 'webhook-denials', 'webhook-mutations'],
  },
  {
    name: 'custom objects are not converted',
    file: 'src/apiserver/custom-resources/converter.ts',
    from: "conversion?.strategy === 'Webhook' ? conversion.webhook : undefined",
    to: "conversion?.strategy === 'None' ? conversion.webhook : undefined",
    on: ['custom-conversion', 'webhook-mutations'],
  },
  {
    name: 'webhooks concern nothing',
    file: HOOK_MATCH,
    from: '  if (rules.length === 0) return undefined\n',
    to: '  if (rules.length >= 0) return undefined\n',
    on: [...WEBHOOKS, 'admission-policy'],
  },
  {
    name: 'webhooks may concern their own configurations',
    file: HOOK_MATCH,
    from: "resource.group === 'admissionregistration.k8s.io' && EXEMPT.has(resource.names.plural)",
    to: "resource.group === '' && EXEMPT.has(resource.names.plural)",
    on: WEBHOOKS,
  },
  {
    name: 'match conditions always hold',
    file: 'src/apiserver/admission/webhook/mutating.ts',
    from: "!(await conditionsHold(hook, matched, attributes, context, 'admit'))",
    to: 'conditionsHold === undefined',
    on: WEBHOOKS,
  },
  {
    name: 'expressions of configurations are not compiled',
    file: 'src/api/admissionregistration/expressions.ts',
    from: "if ('problem' in compiled) found.push(problemOf(compiled, field, shown))",
    to: "if ('problem' in compiled && !shown) found.push(problemOf(compiled, field, shown))",
    on: ['webhook-configurations'],
  },
  {
    name: 'limit ranges know no minimum',
    file: 'src/apiserver/admission/limit-ranger.ts',
    from: 'yield* below(item.type, name, bound, requests, limits)',
    to: 'if (!item) yield* below(item.type, name, bound, requests, limits)',
    on: ['scheduling'],
  },
  ...['mutatingAdmissionPolicy', 'validatingAdmissionPolicy'].map((name) => withoutPlugin(name, ['admission-policy'])),
  ...['mutatingAdmissionWebhook', 'validatingAdmissionWebhook'].map((name) => withoutPlugin(name, WEBHOOKS)),
  withoutPlugin('limitRanger', ['scheduling']),
  withoutPlugin('serviceAccount', ['auth', 'kubectl-objects']),
  withoutPlugin('priority', ['placement', 'scheduling']),
  withoutPlugin('runtimeClass', ['nodes']),
  withoutPlugin('resourceQuota', ['quota', 'replicas']),
  withoutPlugin('namespaceLifecycle', ['namespaces', 'timed']),
  ...['approval'].map((name) => withoutSubresource(name, ['auth'])),
  withoutSubresource('ephemeralContainers', ['pods']),
  withoutSubresource('eviction', ['disruption', 'job-outcomes']),
  withoutSubresource('finalize', ['namespaces', 'timed']),
  withoutSubresource('scale', ['replicas', 'rollouts', 'kubectl-objects']),
  withoutSubresource('token', ['auth']),
  {
    name: 'streams of pods are admitted by nobody',
    file: 'src/apiserver/subresources/streams.ts',
    from: '  await admitConnect(context, dependencies.registry)\n',
    to: '',
    on: ['webhook-configurations'],
  },
]
