import type { FlowController } from './flow-controller.ts'

const NONE = '0001-01-01T00:00:00Z'
const CELL_MIN = 8

/** `/debug/api_priority_and_fairness/dump_…` as upstream prints them; undefined for another path. */
export function dump(path: string, query: URLSearchParams, flows: FlowController): string | undefined {
  switch (path) {
    case '/debug/api_priority_and_fairness/dump_priority_levels':
      return table([LEVEL_COLUMNS, ...levelRows(flows)])
    case '/debug/api_priority_and_fairness/dump_queues':
      return table([QUEUE_COLUMNS, ...queueRows(flows)])
    case '/debug/api_priority_and_fairness/dump_requests': {
      const details = (query.get('includeRequestDetails') ?? '') !== ''
      return table([details ? [...REQUEST_COLUMNS, ...DETAIL_COLUMNS] : REQUEST_COLUMNS, ...requestRows(flows, details)])
    }
    default:
      return undefined
  }
}

const LEVEL_COLUMNS = [
  'PriorityLevelName',
  'ActiveQueues',
  'IsIdle',
  'IsQuiescing',
  'WaitingRequests',
  'ExecutingRequests',
  'DispatchedRequests',
  'RejectedRequests',
  'TimedoutRequests',
  'CancelledRequests',
]

const QUEUE_COLUMNS = [
  'PriorityLevelName',
  'Index',
  'PendingRequests',
  'ExecutingRequests',
  'SeatsInUse',
  'NextDispatchR',
  'InitialSeatsSum',
  'MaxSeatsSum',
  'TotalWorkSum',
]

const REQUEST_COLUMNS = [
  'PriorityLevelName',
  'FlowSchemaName',
  'QueueIndex',
  'RequestIndexInQueue',
  'FlowDistingsher',
  'ArriveTime',
  'InitialSeats',
  'FinalSeats',
  'AdditionalLatency',
  'StartTime',
]

const DETAIL_COLUMNS = ['UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource']

function* levelRows({ levels }: FlowController): Iterable<readonly string[]> {
  for (const level of levels) {
    const { statistics } = level
    const refused = statistics.rejected('queue-full') + statistics.rejected('concurrency-limit')
    yield [
      level.name,
      ...[level.queues.filter(({ waiting }) => waiting.length > 0).length, level.isIdle, level.isQuiescing].map(String),
      ...[level.waiting, level.executing, statistics.dispatched, refused].map(String),
      ...[statistics.rejected('time-out'), statistics.rejected('cancelled')].map(String),
    ]
  }
}

function* queueRows({ levels }: FlowController): Iterable<readonly string[]> {
  for (const { name, queues } of levels) {
    for (const { index, waiting, executing, seatsInUse, nextDispatchR, work } of queues) {
      const initial = waiting.reduce((sum, each) => sum + each.work.initialSeats, 0)
      const most = waiting.reduce((sum, each) => sum + Math.max(each.work.initialSeats, each.work.finalSeats), 0)
      const counts = [index, waiting.length, executing, seatsInUse].map(String)
      yield [name, ...counts, `${nextDispatchR.toFixed(8)}ss`, String(initial), String(most), `${work.toFixed(8)}ss`]
    }
  }
}

function* requestRows({ levels }: FlowController, details: boolean): Iterable<readonly string[]> {
  for (const { name, requests } of levels) {
    for (const { schema, flow, queue, work, arrivedMs, startedMs, describe } of requests) {
      const position = startedMs === undefined ? (queue?.waiting.findIndex((each) => each.describe === describe) ?? -1) : -1
      yield [
        name,
        schema,
        ...[queue?.index ?? -1, position].map(String),
        flow,
        new Date(arrivedMs).toISOString(),
        ...[work.initialSeats, work.finalSeats].map(String),
        work.additionalLatencyMs === 0 ? '0s' : `${work.additionalLatencyMs}ms`,
        startedMs === undefined ? NONE : new Date(startedMs).toISOString(),
        ...(details ? describe() : []),
      ]
    }
  }
}

/** Cells under each other, as Go's tabwriter sets them: a comma and at least one blank behind all but the last. */
function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.slice(0, -1).entries()) widths[at] = Math.max(widths[at] ?? CELL_MIN, cell.length + 2)
  }
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : `${cell},`.padEnd(widths[at]!))).join(''))
    .map((line) => `${line}\n`)
    .join('')
}
