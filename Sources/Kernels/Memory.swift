import CMalloc
import Foundation

/// How the process's memory is handled.
public enum Memory {
  /// Keeps memory that is freed, for the next tensor, rather than giving it back to the system, and
  /// asks for it in large pages.
  ///
  /// A large block from the system comes page by page, each cleared when it is first touched; for a
  /// network, whose tensors live for a layer or two, this costs as much as a sixth of all time.
  /// The peak stays what it was: a tensor's memory is free for others when its life ends.
  public static func keepFreed() {
    #if canImport(Glibc)
      mallopt(M_MMAP_MAX, 0)
      mallopt(M_ARENA_MAX, 1)
      // -1: never. A step of training frees more than the greatest positive number, 2 GB.
      mallopt(M_TRIM_THRESHOLD, -1)
      // The heap is lengthened once, in advance, so that all of it can be asked for in large pages;
      // those that nobody touches cost nothing.
      let (advance, page) = (1 << 30, UInt(2 << 20))
      guard let block = malloc(advance) else { return }
      let start = (UInt(bitPattern: block) + page - 1) / page * page
      madvise(UnsafeMutableRawPointer(bitPattern: start), advance - Int(page), MADV_HUGEPAGE)
      free(block)
    #endif
  }
}
