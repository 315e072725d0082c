import { familyText, type Histogram, histogramText, type Labels, type Sample, type Stability } from '../prometheus.ts'
import type { Borrowing, Demand } from './borrowing.ts'
import type { FlowController } from './flow-controller.ts'
import type { SchemaStatistics } from './level-statistics.ts'
import type { PriorityLevel } from './priority-level.ts'

const PREFIX = 'apiserver_flowcontrol_'

/** Upstream's `apiserver_flowcontrol_…` in Prometheus' text format. */
export function flowControlMetrics(flows: FlowController): string {
  const { levels, borrowing } = flows
  return [
    ...levelGauges(borrowing).map(([name, help, of]) =>
      family(
        name,
        'gauge',
        help,
        levels.map((level) => [{ priority_level: level.name }, of(level)]),
      ),
    ),
    family(
      'seat_fair_frac',
      'gauge',
      "Fair fraction of server's concurrency to allocate to each priority level that can use it",
      [[{}, borrowing.fairFraction]],
    ),
    ...COUNTS.map(([name, type, help, of]) =>
      family(
        name,
        type,
        help,
        perSchema(levels).map(([labels, schema]) => [labels, of(schema)]),
      ),
    ),
    family(
      'rejected_requests_total',
      'counter',
      'Number of requests rejected by API Priority and Fairness subsystem',
      rejections(levels),
    ),
    ...HISTOGRAMS.map(([name, help, of]) =>
      histogramFamily(
        name,
        help,
        perSchema(levels).map(([labels, schema]) => [labels, of(schema)]),
      ),
    ),
  ].join('')
}

type Gauge = readonly [name: string, help: string, of: (level: PriorityLevel) => number]

function levelGauges(borrowing: Borrowing): Gauge[] {
  const of =
    (read: (demand: Demand) => number) =>
    ({ name }: PriorityLevel): number =>
      read(borrowing.demandOf(name))
  return [
    [
      'nominal_limit_seats',
      'Nominal number of execution seats configured for each priority level',
      ({ limits }) => limits.nominal,
    ],
    [
      'lower_limit_seats',
      'Configured lower bound on number of execution seats available to each priority level',
      ({ limits }) => limits.min,
    ],
    [
      'upper_limit_seats',
      'Configured upper bound on number of execution seats available to each priority level',
      ({ limits }) => limits.max,
    ],
    ['current_limit_seats', 'current derived number of execution seats available to each priority level', ({ seats }) => seats],
    ['demand_seats_high_watermark', 'High watermark, over last adjustment period, of demand_seats', of(({ highest }) => highest)],
    ['demand_seats_average', 'Time-weighted average, over last adjustment period, of demand_seats', of(({ average }) => average)],
    [
      'demand_seats_stdev',
      'Time-weighted standard deviation, over last adjustment period, of demand_seats',
      of(({ deviation }) => deviation),
    ],
    ['demand_seats_smoothed', 'Smoothed seat demands', of(({ smoothed }) => smoothed)],
    ['target_seats', 'Seat allocation targets', of(({ target }) => target)],
  ]
}

const COUNTS: readonly (readonly [
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  of: (schema: SchemaStatistics) => number,
])[] = [
  [
    'dispatched_requests_total',
    'counter',
    'Number of requests executed by API Priority and Fairness subsystem',
    (of) => of.dispatched,
  ],
  [
    'current_executing_requests',
    'gauge',
    'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
    (of) => of.executing,
  ],
  [
    'current_executing_seats',
    'gauge',
    'Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
    (of) => of.executingSeats,
  ],
  [
    'current_inqueue_requests',
    'gauge',
    'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
    (of) => of.inQueue,
  ],
  [
    'request_dispatch_no_accommodation_total',
    'counter',
    'Number of times a dispatch attempt resulted in a non accommodation due to lack of available seats',
    (of) => of.noAccommodation,
  ],
]

const HISTOGRAMS: readonly (readonly [name: string, help: string, of: (schema: SchemaStatistics) => Histogram])[] = [
  ['request_wait_duration_seconds', 'Length of time a request spent waiting in its queue', (of) => of.waitSeconds],
  [
    'request_execution_seconds',
    'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
    (of) => of.executionSeconds,
  ],
  [
    'work_estimated_seats',
    'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness',
    (of) => of.estimatedSeats,
  ],
]

const perSchema = (levels: readonly PriorityLevel[]): (readonly [Labels, SchemaStatistics])[] =>
  levels.flatMap(({ name, statistics }) =>
    [...statistics.schemas].map(([schema, of]) => [{ flow_schema: schema, priority_level: name }, of] as const),
  )

const rejections = (levels: readonly PriorityLevel[]): Sample[] =>
  perSchema(levels).flatMap(([labels, { rejected }]) =>
    [...rejected].map(([reason, count]): Sample => [{ ...labels, reason }, count]),
  )

/** Upstream's promises; the rest is alpha. */
const BETA: ReadonlySet<string> = new Set([
  'current_executing_requests',
  'current_executing_seats',
  'current_inqueue_requests',
  'dispatched_requests_total',
  'nominal_limit_seats',
  'rejected_requests_total',
  'request_wait_duration_seconds',
])

const stabilityOf = (name: string): Stability => (BETA.has(name) ? 'BETA' : 'ALPHA')

const family = (name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string =>
  familyText(PREFIX + name, type, help, samples, stabilityOf(name))

const histogramFamily = (name: string, help: string, samples: readonly (readonly [Labels, Histogram])[]): string =>
  histogramText(PREFIX + name, help, samples, stabilityOf(name))
