// swift-tools-version: 6.2
import PackageDescription

// A package of somebody else's, which depends on a version of this one. `run.sh` beside it says
// where the repository is.
let package = Package(
  name: "Dependent",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(url: Context.environment["MASKRCNN_URL"] ?? "", from: "1.0.0")
  ],
  targets: [
    .executableTarget(
      name: "nuclei", dependencies: [.product(name: "MaskRCNN", package: "MaskRCNN")])
  ],
  swiftLanguageModes: [.v6]
)
