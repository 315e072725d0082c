import { hostname } from 'node:os'
import type { CommandDefinition } from '../command.ts'
import {
  electionOf,
  type LeaderOptions,
  type LogOptions,
  logLevelOf,
  withLeaderOptions,
  withLogOptions,
} from '../component-options.ts'

interface Options extends LogOptions, LeaderOptions {
  readonly kubeconfig: string
}

export const scheduler: CommandDefinition = {
  register(program) {
    const command = program
      .command('scheduler')
      .description('run a scheduler in the foreground')
      .requiredOption('--kubeconfig <file>', 'the cluster and the credentials')
    withLogOptions(withLeaderOptions(command, 'kube-scheduler')).action(async (options: Options) => {
      const { componentContext, runProcess, startSchedulerProcess, systemRandom } = await import('#cluster')
      const election = electionOf(options, `${hostname()}_${systemRandom.uuid()}`)
      await runProcess(async (stop) =>
        startSchedulerProcess(
          { kubeconfig: options.kubeconfig, election },
          await componentContext('scheduler', logLevelOf(options), stop),
        ),
      )
    })
  },
}
