import ArgumentParser
import Foundation

/// Refuses words that name no file and look like a subcommand: where a command takes an image as
/// well, a mistyped subcommand would be called a missing image.
///
/// - Parameters:
///   - words: what the command line has in the place of the image
///   - command: the command with the subcommands
/// - Throws: `ValidationError` with the subcommand that the word is nearest to
func refuseUnknownSubcommands(_ words: [String], of command: any ParsableCommand.Type) throws {
  let names = command.configuration.subcommands.compactMap { $0.configuration.commandName }
  for word in words
  where word.wholeMatch(of: /[A-Za-z-]+/) != nil && !FileManager.default.fileExists(atPath: word) {
    let nearest = names.map { (name: $0, distance: editDistance(word.lowercased(), $0)) }
      .min { $0.distance < $1.distance }
    let advice =
      nearest.flatMap { $0.distance <= max(1, word.count / 3) ? "Did you mean \($0.name)?" : nil }
    throw ValidationError(
      "\(word): there is no such subcommand, and no such image. "
        + (advice ?? "The subcommands are \(names.joined(separator: ", "))."))
  }
}

/// How many characters have to be inserted, removed or replaced, or exchanged with the next one, to
/// make one word of the other.
func editDistance(_ first: String, _ second: String) -> Int {
  let (a, b) = (Array(first), Array(second))
  // The distances of the beginnings: row i for i characters of a, column j for j of b.
  var table = [[Int]](
    repeating: Array(0...b.count), count: a.count + 1)
  for i in a.indices {
    table[i + 1][0] = i + 1
    for j in b.indices {
      let replaced = table[i][j] + (a[i] == b[j] ? 0 : 1)
      var least = min(replaced, table[i][j + 1] + 1, table[i + 1][j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        least = min(least, table[i - 1][j - 1] + 1)
      }
      table[i + 1][j + 1] = least
    }
  }
  return table[a.count][b.count]
}
