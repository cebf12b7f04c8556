/// How many threads the kernels use, and the loop that spreads work over them.
///
/// No kernel lets the number of threads decide the order of a sum: a thread always computes whole
/// elements of the output, so results have the same bits with one thread and with eight.
public enum Threads {
  /// More threads than this are never used.
  public static let most = 1024

  /// The number of threads, at first one per processor.
  public static var count: Int {
    get { Workers.count }
    set { Workers.count = min(max(1, newValue), most) }
  }

  /// Calls `body` once for every index in `0..<count`, on all threads, in any order.
  ///
  /// Each thread takes the next index when it is done with one, so uneven work spreads itself.
  public static func each(_ count: Int, _ body: @Sendable (Int) -> Void) {
    let threads = min(Threads.count, count)
    guard threads > 1 else {
      for index in 0..<count { body(index) }
      return
    }
    Workers.share(count, among: threads) { next in
      while let index = next() { body(index) }
    }
  }

  /// How many jobs divide `count` things among the threads evenly, if a job takes at most `widest`
  /// of them, and how many things the largest job has: job j takes `count * j / jobs` and on.
  static func jobs(_ count: Int, atMost widest: Int) -> (jobs: Int, most: Int) {
    let perThread = (count + Threads.count * widest - 1) / (Threads.count * widest)
    let jobs = max(1, min(count, Threads.count * perThread))
    return (jobs, (count + jobs - 1) / jobs)
  }

  /// As `each`, with room for `scratch` floats that each thread has for itself.
  static func each(
    _ count: Int, scratch: Int, _ body: @Sendable (Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    let threads = min(Threads.count, count)
    guard threads > 0 else { return }
    Workers.share(count, among: threads) { next in
      let room = UnsafeMutablePointer<Float>.allocateOnLine(max(1, scratch))
      defer { room.deallocate() }
      while let index = next() { body(index, room) }
    }
  }

  /// The results of `body` for every index in `0..<count`, in their order, computed on all threads.
  public static func map<Result: Sendable>(
    _ count: Int, _ body: @Sendable (Int) -> Result
  ) -> [Result] {
    [Result](unsafeUninitializedCapacity: count) { buffer, initialized in
      nonisolated(unsafe) let base = buffer.baseAddress
      each(count) { index in (base.map { $0 + index })?.initialize(to: body(index)) }
      initialized = count
    }
  }

  /// Calls `body` for consecutive parts of `0..<count` that together cover it, on all threads.
  public static func ranges(
    _ count: Int, atLeast least: Int = 1, _ body: @Sendable (Range<Int>) -> Void
  ) {
    let parts = max(1, min(4 * Threads.count, count / max(1, least)))
    each(parts) { part in
      body(count * part / parts..<count * (part + 1) / parts)
    }
  }
}

/// A pointer that several threads may use, each writing its own elements.
struct Shared<Pointee>: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<Pointee>

  init(_ pointer: UnsafeMutablePointer<Pointee>) { self.pointer = pointer }
}

/// A pointer that several threads may read.
struct SharedReading<Pointee>: @unchecked Sendable {
  let pointer: UnsafePointer<Pointee>

  init(_ pointer: UnsafePointer<Pointee>) { self.pointer = pointer }
}

extension UnsafeMutablePointer<Float> {
  /// Room for some floats that begins with a line of the cache, so that no vector lies across two.
  static func allocateOnLine(_ count: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Float>.stride, alignment: 64
    ).bindMemory(to: Float.self, capacity: count)
  }
}
