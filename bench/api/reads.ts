import { type Lab, ONE, PODS_PATH, PROTOBUF } from './lab.ts'
import { type Connection, type Measured, measure, merged, type Request } from './load.ts'
import { podName } from './pod.ts'
import { growthDuring, type Target } from './process.ts'
import { report } from './report.ts'

const TURNS = 4
const ENCODINGS = [
  ['JSON', {}],
  ['protobuf', PROTOBUF],
] as const

export interface ReadPlan {
  readonly pods: number
  readonly clients: readonly number[]
  readonly roundMs: number
}

/** Lists of many clients go on until each has had one, which takes long enough. */
const MANY_CLIENTS = 128
/** A Range of etcd is in memory as a whole, several times over, for each who asks. */
const RANGE_CLIENTS_MAX = 16

/** One pod, and all of them, in JSON and in protobuf: the same bytes from bare Node and from nginx, values of the same size from etcd. */
export async function reads(lab: Lab, { pods, clients, roundMs }: ReadPlan): Promise<void> {
  for (const [encoding, headers] of ENCODINGS) {
    for (const count of encoding === 'JSON' ? clients : clients.slice(1, 2)) {
      await compare(
        lab,
        `GET pod, ${encoding}, ${count} clients`,
        { path: ONE, headers },
        count,
        roundMs,
        lab.etcd?.range(podName(1)),
      )
    }
  }
  for (const [encoding, headers] of ENCODINGS) {
    for (const count of encoding === 'JSON' ? clients : clients.slice(1, 2)) {
      const range = count > RANGE_CLIENTS_MAX || encoding !== 'JSON' ? undefined : lab.etcd?.rangeOfAll()
      await compare(lab, `LIST ${pods} pods, ${encoding}, ${count} clients`, { path: PODS_PATH, headers }, count, roundMs, range)
    }
  }
}

/** How much the server, which nobody has asked anything yet, grows while ten clients read the list at once. */
export async function memoryOfLists(lab: Lab): Promise<void> {
  const CLIENTS = 10
  const connections = lab.open(lab.ours, CLIENTS)
  // What the first request of a connection loads is no list's.
  for (const connection of connections) await connection.count({ path: ONE })
  let sent = 0
  const grown = await growthDuring(lab.ours.pid, async () => {
    const sizes = await Promise.all(connections.map((connection) => connection.count({ path: PODS_PATH })))
    sent = sizes.reduce((sum, size) => sum + size, 0)
  })
  for (const connection of connections) connection[Symbol.dispose]()
  const part = ((grown / sent) * 100).toFixed(1)
  process.stdout.write(`10 LISTs at once grow a new server by ${part} % of the ${(sent / 1e6).toFixed(0)} MB sent\n`)
}

async function compare(
  lab: Lab,
  name: string,
  request: Request,
  clients: number,
  roundMs: number,
  range: Request | undefined,
): Promise<void> {
  using first = lab.openOne(lab.ours)
  const bytes = await first.send(request)
  await lab.answer(bytes)
  const asked: { readonly target: Target; readonly request: Request }[] = [
    { target: lab.ours, request },
    { target: lab.bare, request },
  ]
  if (lab.nginx !== undefined) asked.push({ target: lab.nginx, request: { path: lab.nginx.path } })
  if (lab.etcd !== undefined && range !== undefined) asked.push({ target: { ...lab.etcd, name: 'etcd Range' }, request: range })
  const sides = asked.map((side) => ({ ...side, connections: lab.open(side.target, clients), rounds: [] as Measured[] }))
  const turns = clients >= MANY_CLIENTS && request.path === PODS_PATH ? 1 : TURNS
  // In turns, so that whatever else the machine does slows all; the first turn only warms up.
  for (let turn = 0; turn <= turns; turn++) for (const side of sides) side.rounds.push(await round(side, roundMs / turns))
  for (const { connections } of sides) for (const connection of connections) connection[Symbol.dispose]()
  const [own, ...others] = sides.map(({ target, rounds }) => ({ name: target.name, measured: merged(rounds.slice(1)) }))
  report({ name: `${name} (${(bytes.length / 1024).toFixed(1)} KiB)`, measured: own!.measured }, others)
}

const round = (
  {
    target,
    connections,
    request,
  }: { readonly target: Target; readonly connections: readonly Connection[]; readonly request: Request },
  durationMs: number,
): Promise<Measured> => measure(target, connections, durationMs, () => request)
