import type { Volume } from '#api'
import { procMount } from './baseline.ts'
import {
  type Check,
  containersOf,
  hasUserNamespace,
  isWindows,
  named,
  type PodLike,
  plural,
  quoted,
  settersOf,
  sortedSet,
  type Violation,
} from './check.ts'

const VOLUME_TYPES = new Set('configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' '))

const exceptOnWindows =
  (run: (pod: PodLike) => Violation | undefined) =>
  (pod: PodLike): Violation | undefined =>
    isWindows(pod) ? undefined : run(pod)

const exceptInUserNamespace =
  (run: (pod: PodLike) => Violation | undefined) =>
  (pod: PodLike): Violation | undefined =>
    hasUserNamespace(pod) ? undefined : run(pod)

/** What is best practice for pods that should be able to do no harm. */
export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      { since: 8, run: allowPrivilegeEscalation },
      { since: 25, run: exceptOnWindows(allowPrivilegeEscalation) },
    ],
  },
  {
    id: 'capabilities_restricted',
    replaces: 'capabilities_baseline',
    versions: [
      { since: 22, run: capabilities },
      { since: 25, run: exceptOnWindows(capabilities) },
    ],
  },
  { id: 'procMount_restricted', replaces: 'procMount_baseline', versions: [{ since: 35, run: procMount }] },
  { id: 'restrictedVolumes', replaces: 'hostPathVolumes', versions: [{ since: 0, run: restrictedVolumes }] },
  {
    id: 'runAsNonRoot',
    versions: [
      { since: 0, run: runAsNonRoot },
      { since: 35, run: exceptInUserNamespace(runAsNonRoot) },
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      { since: 23, run: runAsUser },
      { since: 35, run: exceptInUserNamespace(runAsUser) },
    ],
  },
  {
    id: 'seccompProfile_restricted',
    replaces: 'seccompProfile_baseline',
    versions: [
      { since: 19, run: seccompProfile },
      { since: 25, run: exceptOnWindows(seccompProfile) },
    ],
  },
]

function allowPrivilegeEscalation(pod: PodLike): Violation | undefined {
  const bad = containersOf(pod).filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
  if (bad.length === 0) return undefined
  const detail = `${named(bad.map(({ name }) => name))} must set securityContext.allowPrivilegeEscalation=false`
  return { reason: 'allowPrivilegeEscalation != false', detail }
}

function capabilities(pod: PodLike): Violation | undefined {
  const keeping: string[] = []
  const adding: string[] = []
  const added = new Set<string>()
  for (const { name, securityContext } of containersOf(pod)) {
    const { add = [], drop = [] } = securityContext?.capabilities ?? {}
    if (!drop.includes('ALL')) keeping.push(name)
    const other = add.filter((each) => each !== 'NET_BIND_SERVICE')
    for (const each of other) added.add(each)
    if (other.length > 0) adding.push(name)
  }
  const details = [
    ...(keeping.length > 0 ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${named(adding)} must not include ${quoted(sortedSet(added))} in securityContext.capabilities.add`]
      : []),
  ]
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') }
}

function restrictedVolumes({ spec }: PodLike): Violation | undefined {
  const bad = (spec?.volumes ?? []).filter((volume) => !VOLUME_TYPES.has(typeOf(volume)))
  if (bad.length === 0) return undefined
  const types = sortedSet(bad.map(typeOf))
  const volumes = `${plural('volume', 'volumes', bad.length)} ${quoted(bad.map(({ name }) => name))}`
  const uses = plural('uses', 'use', bad.length)
  const what = plural('restricted volume type', 'restricted volume types', types.length)
  return { reason: 'restricted volume types', detail: `${volumes} ${uses} ${what} ${quoted(types)}` }
}

const typeOf = (volume: Volume): string => Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir'

function runAsNonRoot(pod: PodLike): Violation | undefined {
  const reason = 'runAsNonRoot != true'
  const setters = settersOf(pod, containersOf(pod), ({ runAsNonRoot: value }) => value === false)
  if (setters !== undefined) return { reason, detail: `${setters} must not set securityContext.runAsNonRoot=false` }
  if (pod.spec?.securityContext?.runAsNonRoot) return undefined
  const silent = containersOf(pod).filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined)
  if (silent.length === 0) return undefined
  return { reason, detail: `pod or ${named(silent.map(({ name }) => name))} must set securityContext.runAsNonRoot=true` }
}

function runAsUser(pod: PodLike): Violation | undefined {
  const setters = settersOf(pod, containersOf(pod), ({ runAsUser: value }) => value === 0)
  return setters === undefined ? undefined : { reason: 'runAsUser=0', detail: `${setters} must not set runAsUser=0` }
}

function seccompProfile(pod: PodLike): Violation | undefined {
  const reason = 'seccompProfile'
  const isGood = (type: string): boolean => type === 'RuntimeDefault' || type === 'Localhost'
  const values = new Set<string>()
  const setters = settersOf(pod, containersOf(pod), ({ seccompProfile: profile }) => {
    const bad = profile !== undefined && !isGood(profile.type)
    if (bad) values.add(profile.type)
    return bad
  })
  if (setters !== undefined)
    return { reason, detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(sortedSet(values))}` }
  if (pod.spec?.securityContext?.seccompProfile !== undefined) return undefined
  const silent = containersOf(pod).filter(({ securityContext }) => securityContext?.seccompProfile === undefined)
  if (silent.length === 0) return undefined
  const who = named(silent.map(({ name }) => name))
  return { reason, detail: `pod or ${who} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"` }
}
