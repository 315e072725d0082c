import type { KubernetesObject } from '#meta'
import type { PolicyCase } from '../../../src/apiserver/admission/policy/trial.ts'
import {
  creation,
  DEAR,
  expr,
  HALF,
  mutating,
  node,
  type Options,
  paramKinds,
  paramRefs,
  QUARTER,
  requests,
  update,
  validating,
} from './cases.ts'

const apply = (expression: string) => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const patch = (expression: string) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })
const pod = creation({
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  name: 'web',
  object: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'work', labels: { app: 'a' }, finalizers: ['x.example.com/a'] },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      securityContext: {},
      enableServiceLinks: true,
      containers: [
        {
          name: 'main',
          image: 'i',
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          resources: {},
          env: [{ name: 'A', value: '1' }],
          ports: [{ containerPort: 80, protocol: 'TCP' }],
          args: ['x'],
        },
      ],
      tolerations: [{ key: 'k', operator: 'Exists' }],
    },
    status: {},
  } as unknown as KubernetesObject,
})
export const applies = [
  'Object{metadata: Object.metadata{labels: {"x": "y"}}}',
  'Object{data: {"c": "3"}}',
  'Object{data: {"a": "9"}}',
  'Object{}',
  'Object{metadata: Object.metadata{name: "other"}}',
  'Object{kind: "Secret"}',
  'Object{apiVersion: "v2"}',
  'Object{nothing: "x"}',
  'Object{data: "x"}',
  'Object{data: {"a": 1}}',
  'Object{immutable: true}',
  'Object{immutable: 1}',
  'Object{metadata: Object.wrong{labels: {"x": "y"}}}',
  'Object{metadata: Object.metadata{labels: null}}',
  'Object{data: null}',
  'Object{metadata: Object.metadata{finalizers: ["a.example.com/x"]}}',
  'Object{metadata: Object.metadata{ownerReferences: [Object.metadata.ownerReferences{uid: "u", name: "n", kind: "k", apiVersion: "v1"}]}}',
  '{"data": {"a": "1"}}',
  '1',
  'object',
  'Object{data: {object.data.a: object.data.b}}',
  'Object{data: {"d": params.data.max}}',
  'Object{data: {"d": variables.v}}',
  'Object{metadata: Object.metadata{?labels: optional.of({"o": "p"})}}',
  'Object{metadata: Object.metadata{?labels: optional.none()}}',
  'Object{data: object.nothing}',
  'true ? Object{} : Object{data: {"z": "z"}}',
  'Object{binaryData: {"x": b"abc"}}',
  'Object{metadata: Object.metadata{managedFields: []}}',
  'Object{metadata: Object.metadata{creationTimestamp: timestamp("2020-01-01T00:00:00Z")}}',
  'Object{metadata: Object.metadata{generation: 3}}',
  'Object{metadata: Object.metadata{generation: 3.5}}',
]
const podApplies = [
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", image: "j"}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "side", image: "s"}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{image: "s"}]}}',
  'Object{spec: Object.spec{initContainers: [Object.spec.initContainers{name: "init", image: "s", env: [Object.spec.initContainers.env{name: "B", value: "2"}]}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", env: [Object.spec.containers.env{name: "A", value: "2"}]}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", args: ["y"]}]}}',
  'Object{spec: Object.spec{tolerations: [Object.spec.tolerations{key: "z"}]}}',
  'Object{spec: Object.spec{nodeSelector: {"a": "b"}}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", ports: [Object.spec.containers.ports{containerPort: 80, name: "http"}]}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", ports: [Object.spec.containers.ports{containerPort: 81}]}]}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", resources: Object.spec.containers.resources{limits: {"cpu": "1"}}}]}}',
  'Object{spec: Object.spec{volumes: [Object.spec.volumes{name: "v", emptyDir: Object.spec.volumes.emptyDir{}}]}}',
  'Object{spec: Object.spec{imagePullSecrets: [Object.spec.imagePullSecrets{name: "s"}]}}',
  'Object{spec: Object.spec{securityContext: Object.spec.securityContext{runAsUser: 3}}}',
  'Object{spec: Object.spec{securityContext: Object.spec.securityContext{runAsUser: "x"}}}',
  'Object{spec: Object.spec{affinity: Object.spec.affinity{nodeAffinity: Object.spec.affinity.nodeAffinity{requiredDuringSchedulingIgnoredDuringExecution: Object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution{nodeSelectorTerms: []}}}}}',
  'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main"}, Object.spec.containers{name: "main"}]}}',
  'Object{spec: Object.spec{nothing: 1, else: 2}}',
  'Object{spec: Object.spec{containers: "x"}}',
  'Object{metadata: Object.metadata{finalizers: ["x.example.com/a", "x.example.com/b"]}}',
  'Object{metadata: Object.metadata{finalizers: ["x.example.com/b"]}}',
  'Object{spec: Object.spec{containers: object.spec.containers}}',
  'Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, image: "mapped"})}}',
  'Object{spec: Object.spec{overhead: {"cpu": "1"}}}',
  'Object{spec: Object.spec{topologySpreadConstraints: [Object.spec.topologySpreadConstraints{topologyKey: "z", whenUnsatisfiable: "DoNotSchedule", maxSkew: 1}]}}',
  'Object{spec: Object.spec{hostAliases: [Object.spec.hostAliases{ip: "1.2.3.4", hostnames: ["a"]}]}}',
]
export const patches = [
  '[JSONPatch{op: "add", path: "/metadata/labels/x", value: "y"}]',
  '[JSONPatch{op: "add", path: "/data/c", value: "3"}]',
  '[JSONPatch{op: "replace", path: "/data/c", value: "3"}]',
  '[JSONPatch{op: "remove", path: "/data/a"}]',
  '[JSONPatch{op: "remove", path: "/data/zzz"}]',
  '[JSONPatch{op: "test", path: "/data/a", value: "1"}, JSONPatch{op: "add", path: "/data/t", value: "ok"}]',
  '[JSONPatch{op: "test", path: "/data/a", value: "2"}, JSONPatch{op: "add", path: "/data/t", value: "ok"}]',
  '[JSONPatch{op: "copy", from: "/data/a", path: "/data/z"}]',
  '[JSONPatch{op: "move", from: "/data/a", path: "/data/z"}]',
  '[JSONPatch{op: "nothing", path: "/data/a"}]',
  '[JSONPatch{op: "add", path: "/nothing", value: 1}]',
  '[JSONPatch{op: "add", path: "/data/a", value: 1}]',
  '[JSONPatch{op: "add", path: "/data", value: {"k": "v"}}]',
  '[JSONPatch{op: "add", path: "/data", value: null}]',
  '[JSONPatch{op: "add", path: "data/a", value: "x"}]',
  '[JSONPatch{op: "add", path: "/metadata/annotations", value: {"k": "v"}}]',
  '[JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("a/b~c"), value: "v"}]',
  '[JSONPatch{op: "add", path: "/metadata", value: Object.metadata{labels: {"n": "m"}}}]',
  '[JSONPatch{op: "add", path: "/metadata/labels", value: Object.metadata.labels{n: "m"}}]',
  '[]',
  '[JSONPatch{}]',
  '[JSONPatch{op: "move", path: "/data/x"}]',
  '[JSONPatch{op: "add", path: "/data/n"}]',
  '[JSONPatch{op: "replace", path: "/data/a"}]',
  '[JSONPatch{op: "test", path: "/data/a"}, JSONPatch{op: "x"}]',
  '[JSONPatch{op: "add", path: "/data/q", value: "q"}, JSONPatch{op: "x"}]',
  '[JSONPatch{op: "remove", path: ""}]',
  '[JSONPatch{op: "replace", path: "/metadata/name", value: "other"}]',
  '[JSONPatch{op: "remove", path: "/metadata/name"}]',
  '[JSONPatch{path: "/data/a"}]',
  '[JSONPatch{op: "add"}]',
  'JSONPatch{op: "add"}',
  '[{"op": "add"}]',
  '1',
  '[JSONPatch{op: "add", path: "/data/n", value: object.nothing}]',
  '[JSONPatch{op: "add", path: "/data/n", value: variables.v}]',
  '[JSONPatch{op: "add", path: "/data/n", value: params.data.max}]',
  '[JSONPatch{op: 1}]',
  '[JSONPatch{op: "add", path: "/data/t", value: timestamp("2020-01-01T00:00:00Z")}]',
  '[JSONPatch{op: "add", path: "/data/t", value: duration("1h")}]',
  '[JSONPatch{op: "add", path: "/binaryData", value: {"x": b"abc"}}]',
  '[JSONPatch{op: "add", path: "/metadata/generation", value: 9007199254740993}]',
  '[JSONPatch{op: "add", path: "/metadata/generation", value: 1.0}]',
  '[JSONPatch{op: "add", path: "/metadata/finalizers", value: ["a.example.com/b"]}]',
  '[JSONPatch{op: "add", path: "/metadata/finalizers/-", value: "a.example.com/b"}]',
  '[JSONPatch{op: "replace", path: "/kind", value: "Secret"}]',
  '[JSONPatch{op: "remove", path: "/kind"}]',
  '[JSONPatch{op: "replace", path: "/apiVersion", value: "v2"}]',
  '[JSONPatch{op: "replace", path: "", value: {"kind": "ConfigMap"}}]',
  '[JSONPatch{op: "add", path: "/data/é\\"x", value: "é\\n"}]',
  '[JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b", "b": dyn(1)}}]',
  '[JSONPatch{op: "add", path: "/data/q", value: quantity("1")}]',
  '[JSONPatch{op: "add", path: "/data/q", value: type(1)}]',
]
/** Policies one after the other. */
const several = (specs: readonly Record<string, unknown>[]): PolicyCase => ({
  ...mutating({}),
  mutating: specs.flatMap((spec, index) => mutating(spec, { name: `p${index}` }).mutating!),
})

const mutated = (mutations: unknown[], spec: Record<string, unknown> = {}, options: Options = {}): PolicyCase =>
  mutating({ mutations, variables: [{ name: 'v', expression: '"var"' }], ...spec }, options)

/** Policies that change, and what both kinds have in common, by what is looked at. */
export const mutations: Readonly<Record<string, readonly PolicyCase[]>> = {
  params: paramKinds.flatMap((paramKind) =>
    paramRefs.flatMap((paramRef) =>
      ['Fail', 'Ignore'].flatMap((failurePolicy) =>
        [creation(), node].flatMap((request) => [
          validating(
            {
              paramKind,
              failurePolicy,
              validations: [
                expr('params == null', {
                  messageExpression: 'params.kind + params.apiVersion + params.metadata.name + params.data.max',
                }),
              ],
            },
            { binding: { paramRef, validationActions: ['Deny', 'Warn', 'Audit'] }, request },
          ),
          mutating(
            { paramKind, failurePolicy, mutations: [apply('Object{metadata: Object.metadata{labels: {"p": params.data.max}}}')] },
            { binding: { paramRef }, request },
          ),
          mutating(
            { paramKind, failurePolicy, mutations: [apply('Object{metadata: Object.metadata{labels: {"p": params.kind}}}')] },
            { binding: { paramRef }, request },
          ),
        ]),
      ),
    ),
  ),
  budgets: [
    [DEAR],
    [HALF],
    [QUARTER],
    [HALF, HALF],
    [QUARTER, QUARTER, QUARTER],
    ['true', DEAR, 'false'],
    ['false', DEAR],
  ].flatMap((each) =>
    ['Fail', 'Ignore'].flatMap((failurePolicy) => [
      validating(
        { failurePolicy, validations: each.map((text) => expr(text)) },
        { binding: { validationActions: ['Deny', 'Warn'] } },
      ),
      validating({
        failurePolicy,
        validations: [
          expr('false', { messageExpression: `${each.map((text) => `(${text})`).join(' && ')} ? 'a' : 'b'` }),
          expr('false'),
        ],
      }),
      validating({
        failurePolicy,
        validations: [
          expr(each[0]!),
          expr('false', { messageExpression: `${QUARTER} ? 'a' : 'b'` }),
          expr('false', { messageExpression: `${HALF} ? 'c' : 'd'` }),
        ],
      }),
      validating({
        failurePolicy,
        validations: [expr('false')],
        matchConditions: each.map((expression, index) => ({ name: `c${index}`, expression })),
      }),
      validating({
        failurePolicy,
        validations: [expr('variables.v0'), expr('variables.v0 && true')],
        variables: each.map((expression, index) => ({ name: `v${index}`, expression })),
      }),
      validating({
        failurePolicy,
        validations: [expr(each.map((_, index) => `variables.v${index}`).join(' && '))],
        variables: each.map((expression, index) => ({ name: `v${index}`, expression })),
      }),
      validating({
        failurePolicy,
        validations: [expr('true')],
        auditAnnotations: each.map((text, index) => ({ key: `k${index}`, valueExpression: `(${text}) ? 'a' : 'b'` })),
      }),
      mutated(
        each.map((text) => apply(`(${text}) ? Object{data: {"x": "y"}} : Object{data: {"z": "z"}}`)),
        { failurePolicy },
      ),
      mutated([apply('Object{data: {"x": "y"}}')], {
        failurePolicy,
        matchConditions: each.map((expression, index) => ({ name: `c${index}`, expression })),
      }),
    ]),
  ),
  mutations: [
    ...applies.map((text) => [apply(text)]),
    ...patches.map((text) => [patch(text)]),
    ...applies
      .slice(0, 12)
      .map((text) => [apply('Object{data: {"first": "1"}}'), apply(text), apply('Object{data: {"last": "1"}}')]),
    ...patches.map((text) => [apply('Object{data: {"first": "1"}}'), patch(text), apply('Object{data: {"last": "1"}}')]),
  ].flatMap((mutations) => [
    mutated(mutations),
    mutated(mutations, { failurePolicy: 'Ignore' }),
    mutated(mutations, { paramKind: paramKinds[0] }, { binding: { paramRef: paramRefs[0] }, request: update() }),
  ]),
  'mutations of pods': [
    ...podApplies.map((text) => mutated([apply(text)], {}, { request: pod })),
    ...patches.map((text) => mutated([patch(text)], {}, { request: pod })),
    mutated(
      [
        patch(
          '[JSONPatch{op: "add", path: "/spec/containers/0/image", value: "j"}, JSONPatch{op: "add", path: "/spec/containers/-", value: Object.spec.containers{name: "n", image: "i"}}]',
        ),
      ],
      {},
      { request: pod },
    ),
    mutated(
      [
        patch(
          '[JSONPatch{op: "add", path: "/spec/containers/0/env", value: [Object.spec.containers.env{name: "n", wrong: "i"}]}]',
        ),
      ],
      {},
      { request: pod },
    ),
    mutated([patch('[JSONPatch{op: "add", path: "/spec/nodeSelector", value: {"a": "b"}}]')], {}, { request: pod }),
  ],
  'mutations of requests': Object.values(requests).flatMap((request) => [
    mutated([apply('Object{metadata: Object.metadata{labels: {"x": request.operation}}}')], {}, { request }),
    mutated([patch('[JSONPatch{op: "add", path: "/metadata/labels", value: {"x": "y"}}]')], {}, { request }),
    mutated([apply('Object{data: {"n": namespaceObject.metadata.name}}')], {}, { request }),
    mutated([apply('object.nothing')], {}, { request }),
    mutated(
      [apply('Object{}')],
      { matchConditions: [{ name: 'n', expression: 'namespaceObject == null && variables.v == "var"' }] },
      { request },
    ),
    mutated([apply('Object{}')], { matchConditions: [{ name: 'n', expression: 'object.nothing' }] }, { request }),
  ]),
  reinvocation: ['Never', 'IfNeeded'].flatMap((reinvocationPolicy) =>
    [
      ['Object{data: {"n": "x"}}'],
      ['Object{data: {"n": has(object.data.n) ? object.data.n + "x" : "x"}}'],
      ['Object{}'],
      ['Object{data: {"n": "x"}}', 'Object{data: {"m": object.data.n + "y"}}'],
      ['Object{data: {"m": has(object.data.n) ? object.data.n : "no"}}', 'Object{data: {"n": "x"}}'],
    ].flatMap((each) => [
      mutated(each.map(apply), { reinvocationPolicy }),
      mutated(each.map(apply), { reinvocationPolicy }, { bindings: [{}, {}] }),
      several(each.map((text) => ({ reinvocationPolicy, mutations: [apply(text)] }))),
    ]),
  ),
}
