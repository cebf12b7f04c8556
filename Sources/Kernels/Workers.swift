// The threads that share a loop, by platform. Embedded Swift has none: one does all the work.

#if hasFeature(Embedded)
  enum Workers {
    /// How many threads there are.
    static var count: Int {
      get { 1 }
      set {}
    }

    /// Calls `work` on each of `threads` threads, with a function that hands out `0..<count` among
    /// them, every index once, then nil.
    static func share(_ count: Int, among threads: Int, _ work: (_ next: () -> Int?) -> Void) {
      var index = -1
      work {
        index += 1
        return index < count ? index : nil
      }
    }
  }
#else
  import Foundation
  import Synchronization
  import Tensors

  enum Workers {
    private static let chosen = Mutex(ProcessInfo.processInfo.activeProcessorCount)

    /// How many threads there are, at first one per processor.
    static var count: Int {
      get { chosen.withLock { $0 } }
      set { chosen.withLock { $0 = newValue } }
    }

    /// Calls `work` on each of `threads` threads, with a function that hands out `0..<count` among
    /// them, every index once, then nil. What is local to the caller's task, the kernel form, holds
    /// in all of them.
    static func share(
      _ count: Int, among threads: Int, _ work: @Sendable (_ next: () -> Int?) -> Void
    ) {
      let index = Atomic(0)
      let form = KernelForm.current
      ThreadPool.shared.run(on: threads) {
        form.running {
          work {
            let next = index.add(1, ordering: .relaxed).oldValue
            return next < count ? next : nil
          }
        }
      }
    }
  }
#endif
