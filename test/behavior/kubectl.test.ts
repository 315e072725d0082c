import assert from 'node:assert/strict'
import { request } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { behaviors } from './behavior.ts'
import { Home } from './home.ts'

const needs = 'kubectl'

const getVersions = async (where: { port: number } | { socketPath: string }): Promise<string[]> => {
  const body = await new Promise<string>((resolve, reject) => {
    request({ host: '127.0.0.1', ...where, path: '/api/', agent: false }, (response) => resolve(text(response)))
      .on('error', reject)
      .end()
  })
  return (JSON.parse(body) as { versions: string[] }).versions
}

behaviors('kubectl', (behavior) => {
  behavior(
    '[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      assert.ok((await home.kubectl('api-versions')).split('\n').includes('v1'))
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      assert.match(await home.kubectl('cluster-info'), /Kubernetes control plane.* is running at .*https:\/\//)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      const printed = await home.kubectl('version')
      assert.match(printed, /Client Version: /)
      assert.match(printed, /Server Version: v1\.\d+\.\d+/)
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      await home.proxying(['--port=0', '--disable-filter'], async (line) => {
        const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1])
        assert.ok((await getVersions({ port })).includes('v1'))
      })
    },
    { needs },
  )

  behavior(
    '[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]',
    async ({ target }) => {
      using home = new Home(target)
      const socketPath = join(home.directory, 's')
      await home.proxying([`--unix-socket=${socketPath}`], async (line) => {
        assert.match(line, /^Starting to serve on /)
        assert.ok((await getVersions({ socketPath })).includes('v1'))
      })
    },
    { needs },
  )
})
