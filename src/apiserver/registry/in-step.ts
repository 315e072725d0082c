/**
 * Awaited between the stages of a write, so that writes that came together go through each stage one after the other, instead of each through all of them. Measured with sixteen creates at
 * once that is 3 to 6 % less CPU, we think because a stage's code and what it looks things up in are still in the processor's caches; one that is alone pays for a turn of the queue of promises.
 */
export const inStep = Promise.resolve()
