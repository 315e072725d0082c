/** Is there at once where it can be, and promised where somebody has to be waited for. Most requests wait for nobody, and promise nothing. */
export type Answer<T> = T | Promise<T>

/** Goes on with an answer: now if it is there, else when it comes. */
export function andThen<T, U>(answer: Answer<T>, next: (value: T) => Answer<U>): Answer<U> {
  return answer instanceof Promise ? answer.then(next) : next(answer)
}

/** What `work` answers; what goes wrong on the way, now or later, is `recover`'s to answer. */
export function recovering<T>(work: () => Answer<T>, recover: (error: unknown) => Answer<T>): Answer<T> {
  let answer: Answer<T>
  try {
    answer = work()
  } catch (error) {
    return recover(error)
  }
  return answer instanceof Promise ? answer.catch(recover) : answer
}

/** What `work` answers, with `end` called once it has, or has failed. */
export function ending<T>(work: () => Answer<T>, end: () => void): Answer<T> {
  let answer: Answer<T>
  try {
    answer = work()
  } catch (error) {
    end()
    throw error
  }
  if (answer instanceof Promise)
    return answer.then(
      (value) => {
        end()
        return value
      },
      (error) => {
        end()
        throw error
      },
    )
  end()
  return answer
}
