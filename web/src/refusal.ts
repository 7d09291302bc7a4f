// Why a call by JSON was refused, in the reader's words.
interface Refusal {
  message?: string;
  details?: { type: string; debug?: { message?: string } }[];
}

/** The server's text for people; empty where it has none. */
export async function refusalOf(response: Response): Promise<string> {
  const { message = "", details = [] } = (await response.json().catch(() => ({}))) as Refusal;
  return details.find(({ type }) => type === "google.rpc.LocalizedMessage")?.debug?.message || message;
}
