import Foundation
import Synchronization
import Tensors
import Testing

@testable import Kernels

@Suite("Where the system gives few threads, or none")
struct FewThreadsTests {
  @Test("a loop is done by the caller and the threads there are", arguments: [0, 1, 3])
  func loop(available: Int) {
    let made = Mutex(0)
    let pool = ThreadPool { body in
      let isGiven = made.withLock {
        $0 += 1
        return $0 <= available
      }
      return isGiven && startThread(body)
    }
    for _ in 0..<100 {
      let index = Atomic(0)
      let sum = Atomic(0)
      pool.run(on: 8) {
        while true {
          let next = index.add(1, ordering: .relaxed).oldValue
          guard next < 1000 else { return }
          sum.add(next, ordering: .relaxed)
          // A loop inside the loop.
          if next.isMultiple(of: 100) { pool.run(on: 4) { sum.add(0, ordering: .relaxed) } }
        }
      }
      #expect(sum.load(ordering: .relaxed) == 499_500)
    }
  }

  @Test("work for the background is done at once by the caller")
  func background() {
    let queue = BackgroundQueue { _ in false }
    let done = Mutex<[Int]>([])
    for number in 0..<5 { queue.add { done.withLock { $0.append(number) } } }
    #expect(done.withLock { $0 } == [0, 1, 2, 3, 4])
    queue.finish()
  }

  @Test("work for the background is done in order on a thread where there is one")
  func ordered() {
    let queue = BackgroundQueue()
    let done = Mutex<[Int]>([])
    for number in 0..<500 { queue.add { done.withLock { $0.append(number) } } }
    queue.finish()
    #expect(done.withLock { $0 } == Array(0..<500))
  }
}
