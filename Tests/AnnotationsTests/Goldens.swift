import Foundation
import TestFixtures

/// What pycocotools says about polygons and masks: `Fixtures/record/masks_coco.py`.
struct MaskGoldens: Decodable {
  struct PolygonCase: Decodable {
    let width: Int
    let height: Int
    let polygons: [[Double]]
    let counts: String
    let area: Int
    let box: [Double]
  }

  struct OverlapCase: Decodable {
    let width: Int
    let height: Int
    let first: String
    let second: String
    let union: String
    let shared: Int
    let areas: [Int]
    let box: [Double]
    let overlap: Double
  }

  let polygons: [PolygonCase]
  let overlaps: [OverlapCase]

  static func load() throws -> MaskGoldens {
    let file = fixturesFolder.appending(path: "golden/evaluation/masks.json")
    return try JSONDecoder().decode(MaskGoldens.self, from: Data(contentsOf: file))
  }
}
