import { isRecord } from '@hozen/contracts';

/** What Slack checks in a message; codes as in https://docs.slack.dev/reference/methods/chat.postMessage */
export function faultOf(payload: Readonly<Record<string, unknown>>): string | undefined {
  const { text, blocks, attachments } = payload;
  if (text !== undefined && typeof text !== 'string') return 'invalid_arguments';
  if (!text && !isFilled(blocks) && !isFilled(attachments)) return 'no_text';
  if (typeof text === 'string' && text.length > 40_000) return 'msg_too_long';
  return blocks === undefined || areValid(blocks) ? undefined : 'invalid_blocks';
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

/** At most 50 blocks of at most 3000 characters, header texts at most 150. https://docs.slack.dev/reference/block-kit/blocks */
function areValid(blocks: unknown): boolean {
  return Array.isArray(blocks) && blocks.length <= 50 && blocks.every(isValidBlock);
}

function isValidBlock(block: unknown): boolean {
  if (!isRecord(block) || typeof block['type'] !== 'string') return false;
  const text = isRecord(block['text']) ? block['text']['text'] : undefined;
  if (block['type'] === 'header') return typeof text === 'string' && text.length > 0 && text.length <= 150;
  if (block['type'] === 'section' && block['fields'] === undefined) {
    return typeof text === 'string' && text.length > 0 && text.length <= 3000;
  }
  return true;
}
