import { buildImageArchive } from './image-archive.ts'

/** What every pod sandbox runs; never pulled, since we make it ourselves. */
export const PAUSE_IMAGE = 't8s.local/pause:1'

/**
 * The whole program, x86-64: blocks TERM, INT and CHLD (a blocked signal waits even for process 1), then waits for them in a loop. CHLD reaps orphans of the pod,
 * the others end it. Position independent; the signal set stands behind the code.
 */
const CODE = Buffer.from(
  [
    'b80e000000', // mov eax, 14            rt_sigprocmask
    '31ff', // xor edi, edi                SIG_BLOCK
    '488d355a000000', // lea rsi, [set]
    '31d2', // xor edx, edx
    '41ba08000000', // mov r10d, 8         bytes of the set
    '0f05', // syscall
    'b880000000', // wait: mov eax, 128    rt_sigtimedwait
    '488d3d44000000', // lea rdi, [set]
    '31f6', // xor esi, esi                no siginfo
    '31d2', // xor edx, edx                no time-out
    '41ba08000000', // mov r10d, 8
    '0f05', // syscall
    '83f811', // cmp eax, 17               SIGCHLD
    '740c', // je reap
    '83f80f', // cmp eax, 15               SIGTERM
    '7425', // je exit
    '83f802', // cmp eax, 2                SIGINT
    '7420', // je exit
    'ebd7', // jmp wait
    'b83d000000', // reap: mov eax, 61     wait4
    '48c7c7ffffffff', // mov rdi, -1       any child
    '31f6', // xor esi, esi
    'ba01000000', // mov edx, 1            WNOHANG
    '4531d2', // xor r10d, r10d
    '0f05', // syscall
    '85c0', // test eax, eax
    '7fe4', // jg reap
    'ebb9', // jmp wait
    'b83c000000', // exit: mov eax, 60     exit
    '31ff', // xor edi, edi
    '0f05', // syscall
    '0240010000000000', // set: 1<<1 | 1<<14 | 1<<16
  ].join(''),
  'hex',
)

const LOAD_ADDRESS = 0x400000n
const EHDR_BYTES = 64
const PHDR_BYTES = 56

/** An ELF file with one loadable segment that is the file itself. */
export function pauseBinary(): Uint8Array {
  const size = EHDR_BYTES + PHDR_BYTES + CODE.length
  const elf = Buffer.alloc(size)
  Buffer.from('7f454c46020101', 'hex').copy(elf) // magic, 64 bit, little endian, version 1
  elf.writeUInt16LE(2, 16) // ET_EXEC
  elf.writeUInt16LE(62, 18) // EM_X86_64
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(LOAD_ADDRESS + BigInt(EHDR_BYTES + PHDR_BYTES), 24) // entry
  elf.writeBigUInt64LE(BigInt(EHDR_BYTES), 32) // program headers
  elf.writeUInt16LE(EHDR_BYTES, 52)
  elf.writeUInt16LE(PHDR_BYTES, 54)
  elf.writeUInt16LE(1, 56)
  elf.writeUInt32LE(1, EHDR_BYTES) // PT_LOAD
  elf.writeUInt32LE(5, EHDR_BYTES + 4) // read, execute
  elf.writeBigUInt64LE(0n, EHDR_BYTES + 8)
  elf.writeBigUInt64LE(LOAD_ADDRESS, EHDR_BYTES + 16)
  elf.writeBigUInt64LE(LOAD_ADDRESS, EHDR_BYTES + 24)
  elf.writeBigUInt64LE(BigInt(size), EHDR_BYTES + 32)
  elf.writeBigUInt64LE(BigInt(size), EHDR_BYTES + 40)
  elf.writeBigUInt64LE(0x1000n, EHDR_BYTES + 48)
  CODE.copy(elf, EHDR_BYTES + PHDR_BYTES)
  return elf
}

export async function pauseImage(): Promise<Uint8Array> {
  if (process.arch !== 'x64')
    throw new Error(
      `containers on ${process.arch} need a pause image that is not made yet; use --runtime simulated on this machine`,
    )
  return buildImageArchive({
    reference: PAUSE_IMAGE,
    architecture: 'amd64',
    files: [{ path: 'pause', mode: 0o755, content: pauseBinary() }],
    config: { Entrypoint: ['/pause'] },
  })
}
