import type { CommandDefinition } from '../command.ts'
import { DATA_DIRECTORY, oneOf } from '../options.ts'

export const status: CommandDefinition = {
  register(program) {
    program
      .command('status')
      .description('say what runs')
      .option(...DATA_DIRECTORY)
      .option('-o, --output <format>', 'json', oneOf('--output', ['json'] as const))
      .action(async ({ dataDir, output }: { dataDir: string; output?: 'json' }) => {
        const { clusterStatus } = await import('#cluster')
        const found = await clusterStatus(dataDir)
        if (output === 'json') process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
        else process.stdout.write(found.exists ? describe(found) : "There is no cluster; start one with 't8s up'.\n")
        const runs = found.components.every(
          ({ state, parts }) => state === 'running' && parts.every((part) => part.state === 'running'),
        )
        if (!runs || !found.exists) process.exitCode = 1
      })
  },
}

function describe({ components, nodes, pods }: import('#cluster').ClusterStatus): string {
  const lines = components.map(({ name, state, pid, memoryBytes, parts }) => {
    const memory = memoryBytes === undefined ? '' : `, ${Math.round(memoryBytes / 1e6)} MB`
    const details = pid === undefined ? '' : `  pid ${pid}${memory}`
    const inside = parts.map((part) => (part.state === 'running' ? part.name : `${part.name} (${part.state})`)).join(', ')
    return `${name.padEnd(12)} ${state}${details}${inside === '' ? '' : `: ${inside}`}`
  })
  for (const { name, ready } of nodes) lines.push(`node ${name.padEnd(7)} ${ready ? 'Ready' : 'NotReady'}`)
  if (nodes.length > 0) lines.push(`pods         ${pods.ready} ready of ${pods.total}`)
  return `${lines.join('\n')}\n`
}
