/** The hub's limits on a query's shape: how deep, how many operations and how many root fields. */
import {
  GraphQLError,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql-15';

const DEPTH_MAX = 5;
const ROOT_FIELDS_MAX = 5;
const OPERATIONS_MAX = 5;

/** What the hub says about what is too deep: one error per field that is. */
export function depthErrors(document: DocumentNode): GraphQLError[] {
  const fragments = fragmentsOf(document);
  return operationsOf(document).flatMap(({ name, selectionSet }) => {
    const message = `'${name?.value ?? ''}' exceeds maximum operation depth of ${DEPTH_MAX}`;
    return below(selectionSet, 0, fragments, new Set()).map((node) => new GraphQLError(message, [node]));
  });
}

/** What the hub says about too many operations or root fields; null for neither. Its quote is open in the original too. */
export function countError(document: DocumentNode): GraphQLError | null {
  const byName = new Map(operationsOf(document).map((operation) => [operation.name?.value ?? '', operation]));
  if (byName.size > OPERATIONS_MAX) {
    return new GraphQLError(`The request exceeds the maximum number of query: ${OPERATIONS_MAX}`);
  }
  for (const [name, { selectionSet }] of byName) {
    if (selectionSet.selections.length > ROOT_FIELDS_MAX) {
      return new GraphQLError(`'${name} exceeds the maximum number of root selections: ${ROOT_FIELDS_MAX}`);
    }
  }
  return null;
}

function operationsOf(document: DocumentNode): OperationDefinitionNode[] {
  return document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION);
}

type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

function fragmentsOf(document: DocumentNode): Fragments {
  const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
  return new Map(fragments.map((node) => [node.name.value, node]));
}

/** Fragments count as what they spread; one that spreads itself is left to the validation of the schema. */
function below(set: SelectionSetNode, depth: number, fragments: Fragments, open: ReadonlySet<string>): SelectionNode[] {
  return set.selections.flatMap((node) => {
    if (node.kind === Kind.FIELD) {
      if (node.name.value.startsWith('__')) return [];
      if (depth > DEPTH_MAX) return [node];
      return node.selectionSet ? below(node.selectionSet, depth + 1, fragments, open) : [];
    }
    if (node.kind === Kind.INLINE_FRAGMENT) return below(node.selectionSet, depth, fragments, open);
    const fragment = fragments.get(node.name.value);
    if (!fragment || open.has(node.name.value)) return [];
    return below(fragment.selectionSet, depth, fragments, new Set([...open, node.name.value]));
  });
}
