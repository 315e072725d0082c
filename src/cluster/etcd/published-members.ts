import { configMaps } from '#api'
import type { Clock, Log, Random } from '#base'
import { type Client, Informers } from '#client'
import type { EtcdMember } from '#store'
import type { LocalMember } from './local-member.ts'

/** Where the servers tell each other who the members of etcd are; etcd itself has no way to be told of it. */
const PLACE = { namespace: 'kube-system', name: 't8s-etcd', key: 'members' } as const
const MANAGER = 't8s'
/** Two servers that publish at once end with what etcd says last. */
const ROUNDS_MAX = 10

/** Makes known who the members are now. */
export async function publishMembers(client: Client, local: LocalMember): Promise<void> {
  const { namespace, name, key } = PLACE
  using admin = await local.openAdmin()
  let said = ''
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const members = await admin.members()
    local.follow(members)
    const text = print(members)
    if (text === said) return
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name }, data: { [key]: text } }
    await client.patch(configMaps, `${namespace}/${name}`, configMap, { type: 'apply', fieldManager: MANAGER, force: true })
    said = text
  }
}

/** Lets this machine's API server know members that came after it, and forget those that left. */
export function followMembers(
  local: LocalMember,
  { client, clock, random, log }: { readonly client: Client; readonly clock: Clock; readonly random: Random; readonly log: Log },
): AsyncDisposable {
  const { namespace, name, key } = PLACE
  const informers = new Informers({ client, clock, random, log })
  informers.for(configMaps, { namespace, fieldSelector: `metadata.name=${name}` }).onChange(({ after }) => {
    const text = after?.data?.[key]
    if (text !== undefined) local.follow(parse(text))
  })
  return informers
}

const print = (members: readonly EtcdMember[]): string =>
  JSON.stringify(members.map((member) => ({ ...member, id: member.id.toString(16) })))

const parse = (text: string): EtcdMember[] =>
  (JSON.parse(text) as (Omit<EtcdMember, 'id'> & { id: string })[]).map((member) => ({ ...member, id: BigInt(`0x${member.id}`) }))
