import Kernels
import Tensors
import Testing

@Suite("Which form of an operation runs")
struct KernelFormTests {
  struct Failure: Error {}

  @Test("the fast one; inside of a call of `running` the one that it names")
  func scopes() throws {
    #expect(KernelForm.current == .fast)
    KernelForm.plain.running {
      #expect(KernelForm.current == .plain)
      KernelForm.fast.running { #expect(KernelForm.current == .fast) }
      #expect(KernelForm.current == .plain)
    }
    #expect(throws: Failure.self) {
      try KernelForm.plain.running { () throws(Failure) in throw Failure() }
    }
    #expect(KernelForm.current == .fast)
  }

  @Test("threads that compute for a caller take the caller's form", arguments: KernelForm.allCases)
  func threads(form: KernelForm) {
    form.running {
      let forms = Threads.map(1000) { _ in KernelForm.current }
      #expect(forms.allSatisfy { $0 == form })
      Threads.ranges(64) { _ in
        #expect(Threads.map(3) { _ in KernelForm.current } == [form, form, form])
      }
    }
  }

  @Test("a task beside it keeps its own")
  func tasks() async {
    let seen = await withTaskGroup(of: Bool.self) { group in
      for index in 0..<16 {
        group.addTask {
          let form = index % 2 == 0 ? KernelForm.plain : .fast
          return form.running { (0..<100).allSatisfy { _ in KernelForm.current == form } }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(seen == [Bool](repeating: true, count: 16))
  }

  @Test("operations obey it")
  func operations() {
    var noise = Noise(11)
    let input = noise.tensor([1, 19, 17, 13])
    let weight = noise.tensor([16, 19, 3, 3])
    let plain = plainConvolution(input, weight: weight, padding: 1)
    let packed = PackedWeight(weight)
    KernelForm.plain.running {
      let result = convolution(input, weight: packed, padding: 1)
      #expect(result.values.elementsEqual(plain.values))
    }
    // The fast form of this size is Winograd's on every processor, and rounds elsewhere.
    let result = convolution(input, weight: packed, padding: 1)
    #expect(!result.values.elementsEqual(plain.values))
  }
}
