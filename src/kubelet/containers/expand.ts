/**
 * Replaces `$(NAME)` by its value; an unknown name stays as written, `$$` is a dollar sign
 * (https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/).
 */
export function expand(text: string, lookUp: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, after: string, name: string | undefined) => {
    if (after === '$') return '$'
    return lookUp(name ?? '') ?? whole
  })
}
