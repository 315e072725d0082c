import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { readInside, valueIn } from './env-file.ts'

const values: readonly (readonly [what: string, text: string, value: string | undefined])[] = [
  ['plain', "A='1'\nKEY='val'\nB='2'\n", 'val'],
  ['indented, between blank lines and comments', "# first\n\n  \t\n\t KEY='val'\n", 'val'],
  ['with a comment behind it', "KEY='a#b' # c", 'a#b'],
  ['literal', String.raw`KEY='$HOME $(A) \n "x" = \\ '`, String.raw`$HOME $(A) \n "x" = \\ `],
  ['of several lines', "A='x\nKEY=no'\nKEY='one\n\n  # two\nthree ' # c\n", 'one\n\n  # two\nthree '],
  ['with ends of lines of another system', "KEY='a\r\nb'\r\n", 'a\nb'],
  ['the first of two', "KEY='1'\nKEY='2'\n", '1'],
  ['before what is malformed', "KEY='1'\nnonsense\n", '1'],
  ['empty', "KEY=''\n", ''],
  ['after white space, which is an empty one', "KEY= 'val'\n", undefined],
  ['absent', "KEYS='1'\nA='KEY'\n", undefined],
  ['in an empty file', '', undefined],
]

for (const [what, text, value] of values)
  test(`a value of a file of variables: ${what}`, () => assert.equal(valueIn(text, 'KEY'), value))

const malformed: readonly (readonly [text: string, problem: string])[] = [
  ["A='1'\nB\n", "line 2: missing '='"],
  ["='1'\n", 'line 1: empty variable name'],
  ["KEY ='1'\n", "line 1: whitespace before '=' is not allowed"],
  ['KEY=1\n', 'line 1: value must be enclosed in single quotes'],
  ['KEY="1"\n', 'line 1: value must be enclosed in single quotes'],
  ['KEY=\n', 'line 1: value must be enclosed in single quotes'],
  ["KEY='a''b'\n", 'line 1: unexpected content after closing quote'],
  ["A='1'\nKEY='a\nb'c\n", 'line 3: unexpected content after closing quote'],
  ["A='1'\nKEY='a\nb\n", 'line 2: unclosed single quote'],
  [`A='1'\nB='${'x'.repeat(65_536 - 4)}'\n`, 'line 2: line too long'],
]

for (const [text, problem] of malformed)
  test(`a malformed file of variables: ${problem}`, () =>
    assert.throws(() => valueIn(text, 'KEY'), { message: `invalid environment variable format at ${problem}` }))

test('a line of variables may be as long as upstream reads', () => {
  const value = 'x'.repeat(65_535 - 6)
  assert.equal(valueIn(`KEY='${value}'\n`, 'KEY'), value)
})

test('a file of a volume is read where links of the volume lead, and nothing outside of it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-env-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const root = join(directory, 'volume')
  mkdirSync(join(root, 'sub'), { recursive: true })
  writeFileSync(join(directory, 'secret'), 'outside')
  writeFileSync(join(root, 'file'), 'inside')
  writeFileSync(join(root, 'sub', 'deep'), 'deep')
  symlinkSync('sub/deep', join(root, 'link'))
  symlinkSync('../file', join(root, 'sub', 'up'))
  symlinkSync('/sub', join(root, 'absolute'))
  symlinkSync(join(directory, 'secret'), join(root, 'away'))
  symlinkSync('../secret', join(root, 'over'))
  symlinkSync('..', join(root, 'out'))
  symlinkSync('round', join(root, 'round'))
  symlinkSync('/dev/zero', join(root, 'device'))
  execFileSync('mkfifo', [join(root, 'pipe')])
  writeFileSync(join(root, 'large'), '')
  truncateSync(join(root, 'large'), 1024 * 1024 + 1)
  const read = (path: string): string => {
    try {
      return readInside(root, path)
    } catch (error) {
      return (error as { code?: string }).code ?? (error as Error).message.split(' ').slice(0, 3).join(' ')
    }
  }
  const paths = ['file', './sub//deep', 'link', 'sub/up', 'absolute/deep', 'out/file', '../file']
  assert.deepEqual(paths.map(read), ['inside', 'deep', 'deep', 'inside', 'deep', 'inside', 'inside'])
  assert.deepEqual(['away', 'over', 'out/secret', '../secret', 'device'].map(read), new Array(5).fill('ENOENT'))
  assert.deepEqual(['file/deep', 'nothing', 'sub', 'pipe'].map(read), ['ENOTDIR', 'ENOENT', 'not a regular', 'not a regular'])
  assert.deepEqual([read('round'), read('large')], ['too many links', 'larger than 1048576'])
})
