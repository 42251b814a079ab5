/** Why a threshold is where it is: "2 false alarms, 1 confirmed". */
export function because(confirmed: number, falseAlarms: number): string {
  const parts: string[] = [];
  if (falseAlarms > 0) parts.push(`${falseAlarms} false alarm${falseAlarms === 1 ? '' : 's'}`);
  if (confirmed > 0) parts.push(`${confirmed} confirmed`);
  return parts.join(', ');
}
