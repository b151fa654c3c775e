import { partName, type ArtefactIndex, type StreamFacts } from './artefact-index.js';

/** One member of an artefact file, as the index says it should be. */
export interface ExpectedMember {
  stream: StreamFacts;
  /** Number of the part in its stream, from 0. */
  part: number;
  /** Name of the tar entry. */
  entry: string;
  offset: number;
  storedBytes: number;
  /** Bytes of the stream in it. */
  bytes: number;
}

/**
 * The members in the order of the file.
 * @throws RangeError unless they fill the file from its beginning to `end` without a gap.
 */
export function layoutOf(index: ArtefactIndex, end: number): ExpectedMember[] {
  const members = index.streams.flatMap((stream) =>
    stream.parts.map(([offset, storedBytes, bytes], part) => {
      const entry = stream.parts.length === 1 ? stream.name : partName(stream.name, part);
      return { stream, part, entry, offset, storedBytes, bytes };
    }),
  );
  members.sort((a, b) => a.offset - b.offset);
  let at = 0;
  for (const member of members) {
    if (member.offset !== at) throw new RangeError(`index.json: ${member.entry} does not follow its neighbour`);
    at += member.storedBytes;
  }
  if (at !== end) throw new RangeError(`index.json: the parts end at ${at} instead of ${end}`);
  return members;
}
