/** `Message-ID` of a delivery: the same at every try. */
export function messageId(deliveryId: string, from: string): string {
  return `<${deliveryId}@${from.slice(from.lastIndexOf('@') + 1)}>`;
}
