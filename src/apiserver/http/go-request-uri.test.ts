import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isGoRequestUri } from './go-request-uri.ts'

test('a request line holds a path or a URL, whatever Go takes for one', () => {
  for (const text of [
    ...['*', '/', '/a/b?c=%zz', '//a b', 'https://a.example', 'https://a.example:8080/x', 'https://[::1]:443', 'https://u:p@a'],
    ...['file:', 'mailto:x', 'a+b.c-1:x', 'https://%E4/', 'https://a:/', 'https:///'],
  ])
    assert.equal(isGoRequestUri(text), true, text)
  for (const text of [
    ...['', 'null', 'a.example', '?a', ':a', '1a:b', '/%zz', '/%', '/a\n', 'https://a b', 'https://a:b', 'https://a:1:2'],
    ...['https://%41/', 'https://[::1', 'https://u ser@a/', 'https://a/%4', 'https://a\u007f/'],
  ])
    assert.equal(isGoRequestUri(text), false, text)
})
