import Tensors

// Sixteen channels of a feature map with the channels innermost, as ChannelsLast.swift lays out all
// of them. Gradients are added up in such blocks: a block belongs to one thread, so that the order
// of every sum, and with it the bits, does not depend on the number of threads.

/// Up to sixteen channels of a map, `[H, W, 16]`; channels that the map does not have are 0.
public struct ChannelBlock: ~Copyable {
  /// Channels in a block.
  public static let width = 16

  /// `[H, W, 16]`
  public let cells: UnsafeMutablePointer<Float>
  private let count: Int

  /// Makes a block of zeros.
  ///
  /// - Parameter count: the map's cells, H W
  public init(zeros count: Int) {
    self.count = count
    cells = .allocateOnLine(max(1, count * ChannelBlock.width))
    cells.initialize(repeating: 0, count: count * ChannelBlock.width)
  }

  /// Makes a block of some channels of a map.
  ///
  /// - Parameters:
  ///   - planes: the first of the channels, `[channels, H, W]`
  ///   - channels: how many, at most 16
  ///   - count: the map's cells, H W
  public init(_ planes: UnsafePointer<Float>, channels: Int, count: Int) {
    self.init(zeros: count)
    let width = ChannelBlock.width
    for cell in stride(from: 0, to: count, by: width) {
      if channels == width, cell + width <= count {
        transpose(planes + cell, stride: count, to: cells + cell * width, stride: width)
        continue
      }
      for place in cell..<min(cell + width, count) {
        for channel in 0..<channels {
          cells[place &* width &+ channel] = planes[channel &* count &+ place]
        }
      }
    }
  }

  /// Stores the first channels as `[channels, H, W]`.
  public func store(to planes: UnsafeMutablePointer<Float>, channels: Int) {
    let width = ChannelBlock.width
    for cell in stride(from: 0, to: count, by: width) {
      if channels == width, cell + width <= count {
        transpose(cells + cell * width, stride: width, to: planes + cell, stride: count)
        continue
      }
      for place in cell..<min(cell + width, count) {
        for channel in 0..<channels {
          planes[channel &* count &+ place] = cells[place &* width &+ channel]
        }
      }
    }
  }

  deinit { cells.deallocate() }
}

/// The gradient of `addBilinear`, for the sixteen channels of a block: `a[c] += wa * g[c]`, and so
/// on for b, d and e. Cells may coincide.
public func spreadBilinear(
  _ gradient: UnsafePointer<Float>, to a: UnsafeMutablePointer<Float>, _ wa: Float,
  _ b: UnsafeMutablePointer<Float>, _ wb: Float, _ d: UnsafeMutablePointer<Float>, _ wd: Float,
  _ e: UnsafeMutablePointer<Float>, _ we: Float
) {
  let g: Sixteen = load(gradient)
  // One after the other: at the map's edge two of the cells are the same.
  store(load(a) + wa * g, to: a)
  store(load(b) + wb * g, to: b)
  store(load(d) + wd * g, to: d)
  store(load(e) + we * g, to: e)
}

/// Which candidate is the greatest so far, for each of a block's sixteen channels.
public struct GreatestOfSixteen {
  private var greatest: SIMD16<Float>
  private var chosen = SIMD16<Int32>(repeating: -1)

  /// Begins with a value that a candidate has to exceed.
  public init(above floor: Float) { greatest = SIMD16(repeating: floor) }

  /// Takes each channel's candidate where it is strictly greater than those before, so that of
  /// equal ones the first is chosen; a NaN never is.
  public mutating func offer(_ candidate: SIMD16<Float>, index: Int) {
    let isGreater = candidate .> greatest
    greatest.replace(with: candidate, where: isGreater)
    chosen.replace(with: SIMD16(repeating: Int32(truncatingIfNeeded: index)), where: isGreater)
  }

  /// Takes a cell's channels.
  public mutating func offer(cell: UnsafePointer<Float>, index: Int) {
    offer(load(cell), index: index)
  }

  /// Takes a bilinear sample of four cells, with the arithmetic of `addBilinear`.
  public mutating func offer(
    _ a: UnsafePointer<Float>, _ wa: Float, _ b: UnsafePointer<Float>, _ wb: Float,
    _ d: UnsafePointer<Float>, _ wd: Float, _ e: UnsafePointer<Float>, _ we: Float, index: Int
  ) {
    let (a, b): (SIMD16<Float>, SIMD16<Float>) = (load(a), load(b))
    let (d, e): (SIMD16<Float>, SIMD16<Float>) = (load(d), load(e))
    offer(wa * a + wb * b + wd * d + we * e, index: index)
  }

  /// A channel's greatest candidate; nil where none exceeded the floor.
  public subscript(channel: Int) -> (index: Int, value: Float)? {
    chosen[channel] >= 0 ? (Int(chosen[channel]), greatest[channel]) : nil
  }
}
