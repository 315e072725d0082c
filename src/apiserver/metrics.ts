import type { Registry } from 'prom-client'
import { familyOf, familyText, inOrder, type Stability, stabilitiesOf } from './prometheus.ts'
import { versionInfo } from './version.ts'

/** As Go's library says it. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores'

let ofProcess: Registry | undefined

/** Of this process, from its first scrape on: what watches the event loop and the collector is set up once. */
async function processText(): Promise<string> {
  if (ofProcess === undefined) {
    const { Registry: Metrics, collectDefaultMetrics } = await import('prom-client')
    ofProcess = new Metrics()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess.metrics()
}

export interface MetricsAnswer {
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** The Prometheus text of this process, and of whoever counted something. prom-client, which only the process needs, is loaded by the first scrape. */
export async function metricsText(sources: readonly { text(): string }[]): Promise<MetricsAnswer> {
  const process = await processText()
  const own = [...sources.map((each) => each.text()), buildInfo()].join('')
  return { text: inOrder(own, registered(own), process), headers: headersOf(process) }
}

/** How health checks came out. */
export async function indicatorsText(checks: { text(): string }): Promise<MetricsAnswer> {
  const process = await processText()
  const startTime = familyOf(process, 'process_start_time_seconds')
  return { text: inOrder(checks.text(), startTime), headers: headersOf(process) }
}

/** Of an answer with metrics. */
const headersOf = (process: string): Readonly<Record<string, string>> => ({
  'content-type': CONTENT_TYPE,
  'process-start-time-unix': /^process_start_time_seconds (\d+)/m.exec(process)?.[1] ?? '0',
})

function buildInfo(): string {
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = versionInfo()
  const labels = {
    major,
    minor,
    git_version: gitVersion,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    build_date: buildDate,
    go_version: goVersion,
    compiler,
    platform,
  }
  const help =
    "A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running."
  return familyText('kubernetes_build_info', 'gauge', help, [[labels, 1]], 'BETA')
}

/** What the text itself is made of. None can be hidden or disabled here. */
function registered(text: string): string {
  const counter = (name: string, help: string, samples: Parameters<typeof familyText>[3]): string =>
    familyText(name, 'counter', help, samples, 'BETA')
  const [known, OWN] = [stabilitiesOf(text), 3]
  const beta: Stability = 'BETA'
  known.set(beta, (known.get(beta) ?? 0) + OWN)
  return [
    counter(
      'registered_metrics_total',
      'The count of registered metrics broken by stability level and deprecation version.',
      [...known].map(([stability_level, count]) => [{ stability_level, deprecated_version: '' }, count]),
    ),
    counter('disabled_metrics_total', 'The count of disabled metrics.', [[{}, 0]]),
    counter('hidden_metrics_total', 'The count of hidden metrics.', [[{}, 0]]),
  ].join('')
}
