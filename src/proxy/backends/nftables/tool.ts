import { spawn } from 'node:child_process'

const OUTPUT_BYTES_MAX = 64 * 1024

export interface ToolResult {
  readonly code: number
  readonly stderr: string
}

export interface ToolOptions {
  /** Path of a network namespace to run in. */
  readonly netns: string | undefined
  readonly input?: string
  readonly signal?: AbortSignal | undefined
}

/** Runs a command to its end. Rejects when it cannot be started (ENOENT: not installed) or is aborted. */
export function runTool(command: string, args: readonly string[], { netns, input, signal }: ToolOptions): Promise<ToolResult> {
  const [program, programArgs] = netns === undefined ? [command, args] : ['nsenter', [`--net=${netns}`, command, ...args]]
  return new Promise((resolve, reject) => {
    const child = spawn(program, programArgs, { stdio: ['pipe', 'ignore', 'pipe'], signal })
    let stderr = ''
    child.stderr.setEncoding('utf8')
    child.stderr.on('data', (text: string) => {
      if (stderr.length < OUTPUT_BYTES_MAX) stderr += text
    })
    child.on('error', reject)
    // A tool that ends before it has read all says why on its own.
    child.stdin.on('error', () => {})
    child.on('close', (code) => resolve({ code: code ?? -1, stderr }))
    child.stdin.end(input ?? '')
  })
}
