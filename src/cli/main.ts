import { run } from './program.ts'

// Who reads no more, as `head`, ends it without a word.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv.slice(2))
