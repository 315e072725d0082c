/** Makes everything under a `generated` folder from published sources; each step is one file and one line here. */
const steps: readonly (() => Promise<void>)[] = []

for (const step of steps) await step()
