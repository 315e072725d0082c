import { aggregated } from '../authorization/index.ts'

/** Several failures as one, in the words of upstream's aggregates: of one that is several itself each is told, and the same once. */
export function together(problems: readonly unknown[]): Error {
  const errors = problems.flatMap((problem) => (problem instanceof AggregateError ? problem.errors : [problem])) as Error[]
  return new AggregateError(errors, aggregated(errors.map(({ message }) => message)))
}
