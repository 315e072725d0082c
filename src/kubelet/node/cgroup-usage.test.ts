import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'node:test'
import { readGroupUsage } from './cgroup-usage.ts'

function tree(files: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 't8s-cgroup-'))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return { root, [Symbol.dispose]: () => rmSync(root, { recursive: true }) }
}

test('both versions of control groups tell the same', () => {
  using v1 = tree({
    'cpuacct/pod/cpuacct.usage': '5000000\n',
    'memory/pod/memory.usage_in_bytes': '1000\n',
    'memory/pod/memory.limit_in_bytes': '4096\n',
    'memory/pod/memory.stat':
      'cache 1\ntotal_cache 700\ntotal_rss 300\ntotal_inactive_file 600\ntotal_pgfault 7\ntotal_pgmajfault 2\n',
    'memory/pod/cgroup.procs': '12\n13\n',
  })
  using v2 = tree({
    'cgroup.controllers': 'cpu memory\n',
    'pod/cpu.stat': 'usage_usec 5000\nuser_usec 1\n',
    'pod/memory.current': '1000\n',
    'pod/memory.max': '4096\n',
    'pod/memory.stat': 'anon 300\nfile 700\ninactive_file 600\npgfault 7\npgmajfault 2\n',
    'pod/cgroup.procs': '12\n13\n',
  })
  const expected = {
    cpuNanoseconds: 5_000_000,
    memoryBytes: 1000,
    workingSetBytes: 400,
    rssBytes: 300,
    cacheBytes: 700,
    pageFaults: 7,
    majorPageFaults: 2,
    memoryLimitBytes: 4096,
    process: 12,
  }
  assert.deepEqual(readGroupUsage(v1.root, '/pod'), expected)
  assert.deepEqual(readGroupUsage(v2.root, '/pod'), expected)
  assert.equal(readGroupUsage(v1.root, '/gone'), undefined)
  assert.equal(readGroupUsage(v2.root, '/gone'), undefined)
})

test('no limit is none', () => {
  using v1 = tree({
    'cpuacct/pod/cpuacct.usage': '0\n',
    'memory/pod/memory.usage_in_bytes': '0\n',
    'memory/pod/memory.limit_in_bytes': '9223372036854771712\n',
    'memory/pod/memory.stat': 'total_rss 0\n',
    'memory/pod/cgroup.procs': '',
  })
  const usage = readGroupUsage(v1.root, '/pod')
  assert.equal(usage?.memoryLimitBytes, undefined)
  assert.equal(usage?.process, undefined)
})
