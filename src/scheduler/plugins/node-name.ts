import { nodes } from '#api'
import { definePlugin, fits, on, unresolvable } from '../framework/index.ts'

/** A pod that names its node goes there or nowhere. */
export const nodeName = definePlugin({
  name: 'NodeName',
  filter: (pod, { name }) =>
    !pod.spec?.nodeName || pod.spec.nodeName === name ? fits : unresolvable("node(s) didn't match the requested node name"),
  requeueOn: [on(nodes, ({ before, after }) => before === undefined && after !== undefined)],
})
