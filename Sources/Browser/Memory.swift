// What passes between JavaScript and the module: bytes that JavaScript writes, tensors and text that
// it reads. All pointers are offsets in the module's memory.

import Tensors

/// Room for bytes that JavaScript writes, aligned for vectors.
@_expose(wasm, "allocate") @_cdecl("allocate")
public func allocate(_ bytes: Int32) -> UnsafeMutableRawPointer {
  .allocate(byteCount: max(1, Int(bytes)), alignment: 16)
}

/// Frees what `allocate` gave.
@_expose(wasm, "deallocate") @_cdecl("deallocate")
public func deallocate(_ pointer: UnsafeMutableRawPointer) { pointer.deallocate() }

/// What the last call left for JavaScript to read.
struct Answer {
  /// The tensors that it computed.
  var tensors: [Tensor] = []
  /// Text: a name, or what was wrong, as one line.
  var text: [UInt8] = []
}

nonisolated(unsafe) var answer = Answer()

/// The number of tensors in the answer.
@_expose(wasm, "answer_count") @_cdecl("answer_count")
public func answerCount() -> Int32 { Int32(answer.tensors.count) }

/// The number of axes of a tensor of the answer.
@_expose(wasm, "answer_rank") @_cdecl("answer_rank")
public func answerRank(_ index: Int32) -> Int32 { Int32(answer.tensors[Int(index)].shape.rank) }

/// The extent of one of its axes.
@_expose(wasm, "answer_extent") @_cdecl("answer_extent")
public func answerExtent(_ index: Int32, _ axis: Int32) -> Int32 {
  Int32(answer.tensors[Int(index)].shape[Int(axis)])
}

/// Where its elements are, valid until the next call of any function but these.
@_expose(wasm, "answer_elements") @_cdecl("answer_elements")
public func answerElements(_ index: Int32) -> UnsafePointer<Float>? {
  answer.tensors[Int(index)].values.withUnsafeBufferPointer { $0.baseAddress }
}

/// The length of the answer's text in bytes of UTF-8.
@_expose(wasm, "answer_text_length") @_cdecl("answer_text_length")
public func answerTextLength() -> Int32 { Int32(answer.text.count) }

/// Where the text is, valid as `answer_elements` is.
@_expose(wasm, "answer_text") @_cdecl("answer_text")
public func answerText() -> UnsafePointer<UInt8>? {
  answer.text.withUnsafeBufferPointer { $0.baseAddress }
}

/// Answers with what `body` computes, or with its fault: 0, or 1 for a fault, whose line is then the
/// answer's text.
func answering(_ body: () throws(Fault) -> [Tensor]) -> Int32 {
  answer = Answer()
  do {
    answer.tensors = try body()
    return 0
  } catch {
    answer.text = Array(error.description.utf8)
    return 1
  }
}

/// Text that JavaScript wrote.
func text(_ pointer: UnsafePointer<UInt8>, _ length: Int32) -> String {
  String(decoding: UnsafeBufferPointer(start: pointer, count: Int(length)), as: UTF8.self)
}

/// Numbers that JavaScript wrote.
func floats(_ pointer: UnsafePointer<Float>, _ count: Int) -> [Float] {
  Array(UnsafeBufferPointer(start: pointer, count: count))
}

/// The shape that JavaScript wrote, outermost axis first.
func shape(_ extents: UnsafePointer<Int32>, _ rank: Int32) -> Shape {
  Shape(UnsafeBufferPointer(start: extents, count: Int(rank)).map { Int($0) })
}

/// Boxes that JavaScript wrote, `x1 y1 x2 y2` each.
func boxes(_ pointer: UnsafePointer<Float>, _ count: Int32) -> [Box] {
  (0..<Int(count)).map {
    Box(pointer[4 * $0], pointer[4 * $0 + 1], pointer[4 * $0 + 2], pointer[4 * $0 + 3])
  }
}

extension Tensor {
  /// Whole numbers as JavaScript reads them: exact up to 2^24.
  init(integers: [Int]) { self.init([integers.count], integers.map { Float($0) }) }
}
