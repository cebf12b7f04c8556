import CMalloc

/// How the process's memory is handled.
public enum Memory {
  /// Keeps memory that is freed, for the next tensor, rather than giving it back to the system.
  ///
  /// A large block from the system comes page by page, each cleared when it is first touched; for a
  /// network, whose tensors live for a layer or two, this costs as much as a sixth of all time.
  /// The peak stays what it was: a tensor's memory is free for others when its life ends.
  public static func keepFreed() {
    #if canImport(Glibc)
      mallopt(M_MMAP_MAX, 0)
      mallopt(M_TRIM_THRESHOLD, Int32.max)
      mallopt(M_TOP_PAD, 64 << 20)
    #endif
  }
}
