// Every text of the hosted page, in the order of LANGUAGES. What connectors and systems say stays in their own words.

const LANGUAGES = ['en', 'de', 'fr', 'es'];

const TEXTS = {
  // The frame of the page.
  loading: ['Loading …', 'Wird geladen …', 'Chargement …', 'Cargando …'],
  title: ['Connect a system', 'System verbinden', 'Connecter un système', 'Conectar un sistema'],
  title_reconnect: ['Reconnect {name}', '{name} neu verbinden', 'Reconnecter {name}', 'Volver a conectar {name}'],
  for_customer: ['for {customer}', 'für {customer}', 'pour {customer}', 'para {customer}'],
  steps: ['Steps', 'Schritte', 'Étapes', 'Pasos'],
  step_system: ['System', 'System', 'Système', 'Sistema'],
  step_access: ['Access', 'Zugang', 'Accès', 'Acceso'],
  step_check: ['Check', 'Prüfung', 'Vérification', 'Comprobación'],
  step_done: ['Done', 'Fertig', 'Terminé', 'Listo'],
  expires_soon: [
    'This page works for another {minutes} minutes.',
    'Diese Seite gilt noch {minutes} Minuten.',
    'Cette page reste valable encore {minutes} minutes.',
    'Esta página funciona {minutes} minutos más.',
  ],
  cancel: ['Cancel', 'Abbrechen', 'Annuler', 'Cancelar'],
  back: ['Back', 'Zurück', 'Retour', 'Volver'],
  retry: ['Try again', 'Noch einmal versuchen', 'Réessayer', 'Intentar de nuevo'],
  return_to: ['Back to {organization}', 'Zurück zu {organization}', 'Retour à {organization}', 'Volver a {organization}'],
  new_window: ['opens a new window', 'öffnet ein neues Fenster', 'ouvre une nouvelle fenêtre', 'abre una ventana nueva'],
  sender: ['the company that sent you here', 'der Firma, die Sie hierher geschickt hat', 'l’entreprise qui vous a envoyé ici', 'la empresa que le envió aquí'],

  // Step 1: the system.
  choose_title: [
    'Which system do you want to connect?',
    'Welches System möchten Sie verbinden?',
    'Quel système souhaitez-vous connecter ?',
    '¿Qué sistema desea conectar?',
  ],
  choose_help: [
    '{organization} will read from it what you allow.',
    '{organization} liest daraus, was Sie freigeben.',
    '{organization} y lira ce que vous autorisez.',
    '{organization} leerá de él lo que usted permita.',
  ],
  choose_search: ['Search by name or maker', 'Nach Name oder Hersteller suchen', 'Chercher par nom ou éditeur', 'Buscar por nombre o fabricante'],
  choose_categories: ['Kinds of system', 'Arten von Systemen', 'Types de système', 'Tipos de sistema'],
  choose_all: ['All', 'Alle', 'Tous', 'Todos'],
  choose_list: ['Systems', 'Systeme', 'Systèmes', 'Sistemas'],
  choose_one: ['1 system', '1 System', '1 système', '1 sistema'],
  choose_many: ['{count} systems', '{count} Systeme', '{count} systèmes', '{count} sistemas'],
  choose_none: [
    'No system fits this search.',
    'Kein System passt zu dieser Suche.',
    'Aucun système ne correspond à cette recherche.',
    'Ningún sistema coincide con esta búsqueda.',
  ],
  choose_clear: ['Show all systems', 'Alle Systeme zeigen', 'Afficher tous les systèmes', 'Mostrar todos los sistemas'],
  choose_empty: [
    'There is no system to choose from. Please tell {organization}.',
    'Es steht kein System zur Auswahl. Bitte geben Sie {organization} Bescheid.',
    'Aucun système n’est proposé. Veuillez prévenir {organization}.',
    'No hay ningún sistema para elegir. Avise a {organization}, por favor.',
  ],
  category_erp: ['ERP', 'ERP', 'ERP', 'ERP'],
  category_cmms: ['Maintenance', 'Instandhaltung', 'Maintenance', 'Mantenimiento'],
  category_eam: ['Asset management', 'Anlagenverwaltung', 'Gestion des actifs', 'Gestión de activos'],
  category_wms: ['Warehouse', 'Lager', 'Entrepôt', 'Almacén'],
  category_inventory: ['Inventory', 'Bestand', 'Stocks', 'Inventario'],
  category_procurement: ['Purchasing', 'Einkauf', 'Achats', 'Compras'],
  credits_one: ['1 credit', '1 Credit', '1 crédit', '1 crédito'],
  credits_many: ['{count} credits', '{count} Credits', '{count} crédits', '{count} créditos'],

  // Step 2: deployment, settings, credentials.
  form_title: ['Connect {system}', '{system} verbinden', 'Connecter {system}', 'Conectar {system}'],
  choose_another: ['Choose another system', 'Anderes System wählen', 'Choisir un autre système', 'Elegir otro sistema'],
  documentation: ['Documentation of {system}', 'Dokumentation von {system}', 'Documentation de {system}', 'Documentación de {system}'],
  reads: ['{organization} will read:', '{organization} liest:', '{organization} lira :', '{organization} leerá:'],
  deployment: ['Where does {system} run?', 'Wo läuft {system}?', 'Où fonctionne {system} ?', '¿Dónde funciona {system}?'],
  cloud: ['In the cloud', 'In der Cloud', 'Dans le cloud', 'En la nube'],
  cloud_help: [
    'Run by its maker or a hosting company.',
    'Vom Hersteller oder einem Hoster betrieben.',
    'Exploité par l’éditeur ou un hébergeur.',
    'A cargo del fabricante o de un proveedor.',
  ],
  on_premises: ['On your own servers', 'Auf eigenen Servern', 'Sur vos propres serveurs', 'En servidores propios'],
  on_premises_help: [
    'Run by your company. The address must be reachable from outside.',
    'Von Ihrer Firma betrieben. Die Adresse muss von außen erreichbar sein.',
    'Exploité par votre entreprise. L’adresse doit être joignable de l’extérieur.',
    'A cargo de su empresa. La dirección debe ser accesible desde fuera.',
  ],
  settings: ['Where it is', 'Wo es zu finden ist', 'Où il se trouve', 'Dónde está'],
  more_settings: ['Further settings ({count})', 'Weitere Einstellungen ({count})', 'Autres réglages ({count})', 'Más ajustes ({count})'],
  ways: ['How do you sign in?', 'Wie melden Sie sich an?', 'Comment vous connectez-vous ?', '¿Cómo inicia sesión?'],
  credentials: ['Sign-in', 'Anmeldung', 'Identification', 'Inicio de sesión'],
  guide: ['Step by step', 'Schritt für Schritt', 'Pas à pas', 'Paso a paso'],
  optional: ['optional', 'freiwillig', 'facultatif', 'opcional'],
  example: ['Example:', 'Beispiel:', 'Exemple :', 'Ejemplo:'],
  yes: ['Yes', 'Ja', 'Oui', 'Sí'],
  no: ['No', 'Nein', 'Non', 'No'],
  show: ['Show', 'Zeigen', 'Afficher', 'Mostrar'],
  hide: ['Hide', 'Verbergen', 'Masquer', 'Ocultar'],
  secrets: [
    'Sent and stored encrypted, and never shown again.',
    'Wird verschlüsselt übertragen und gespeichert und nie wieder angezeigt.',
    'Transmis et conservé chiffré, jamais réaffiché.',
    'Se envía y se guarda cifrado y no se vuelve a mostrar.',
  ],
  connect: ['Connect', 'Verbinden', 'Connecter', 'Conectar'],
  reconnect: ['Reconnect', 'Neu verbinden', 'Reconnecter', 'Volver a conectar'],
  sign_in_at: ['Sign in at {system}', 'Bei {system} anmelden', 'S’identifier chez {system}', 'Iniciar sesión en {system}'],
  sign_in_help: [
    'You go to the page of {system}, sign in there and come back here. Your password stays there.',
    'Sie gehen zur Seite von {system}, melden sich dort an und kommen hierher zurück. Ihr Passwort bleibt dort.',
    'Vous allez sur la page de {system}, vous y identifiez et revenez ici. Votre mot de passe y reste.',
    'Va a la página de {system}, inicia sesión allí y vuelve aquí. Su contraseña se queda allí.',
  ],
  missing: ['Please fill in “{label}”.', 'Bitte füllen Sie „{label}“ aus.', 'Veuillez remplir « {label} ».', 'Rellene «{label}», por favor.'],
  wrong_address: [
    'This is no web address. It begins with https://',
    'Das ist keine Webadresse. Sie beginnt mit https://',
    'Ce n’est pas une adresse web. Elle commence par https://',
    'No es una dirección web. Empieza por https://',
  ],
  wrong_address_rest: [
    'Leave out everything from “?” or “#” on, and any user name.',
    'Lassen Sie alles ab „?“ oder „#“ und jeden Benutzernamen weg.',
    'Omettez tout à partir de « ? » ou « # », ainsi que le nom d’utilisateur.',
    'Omita todo desde «?» o «#», y el nombre de usuario.',
  ],
  wrong_integer: ['Enter a whole number.', 'Geben Sie eine ganze Zahl ein.', 'Saisissez un nombre entier.', 'Introduzca un número entero.'],
  wrong_zone: [
    'This is no time zone such as Europe/Berlin.',
    'Das ist keine Zeitzone wie Europe/Berlin.',
    'Ce n’est pas un fuseau horaire tel que Europe/Berlin.',
    'No es una zona horaria como Europe/Berlin.',
  ],
  wrong_form: [
    '“{label}” does not have the expected form.',
    '„{label}“ hat nicht die erwartete Form.',
    '« {label} » n’a pas la forme attendue.',
    '«{label}» no tiene la forma esperada.',
  ],
  hint_space: [
    'There is a space at the beginning or the end. Is it meant to be there?',
    'Am Anfang oder Ende steht ein Leerzeichen. Gehört es dazu?',
    'Il y a une espace au début ou à la fin. Est-elle voulue ?',
    'Hay un espacio al principio o al final. ¿Es intencionado?',
  ],
  problems_one: ['One field needs your attention.', 'Ein Feld ist noch nicht richtig.', 'Un champ est à corriger.', 'Hay que corregir un campo.'],
  problems_many: ['{count} fields need your attention.', '{count} Felder sind noch nicht richtig.', '{count} champs sont à corriger.', 'Hay que corregir {count} campos.'],

  // Reconnecting.
  settings_kept: ['These settings stay as they are:', 'Diese Einstellungen bleiben, wie sie sind:', 'Ces réglages restent inchangés :', 'Estos ajustes se mantienen:'],
  settings_edit: ['Change the settings', 'Einstellungen ändern', 'Modifier les réglages', 'Cambiar los ajustes'],
  settings_keep: ['Keep the settings', 'Einstellungen beibehalten', 'Garder les réglages', 'Mantener los ajustes'],
  settings_none: ['not set', 'nicht gesetzt', 'non défini', 'sin valor'],
  reason_default: [
    '{name} needs a new sign-in. Until then nothing is read from it.',
    '{name} braucht eine neue Anmeldung. Bis dahin wird nichts daraus gelesen.',
    '{name} demande une nouvelle identification. D’ici là, rien n’y est lu.',
    '{name} necesita un nuevo inicio de sesión. Hasta entonces no se lee nada.',
  ],
  reason_none: [
    'Enter the new sign-in for {system}. Everything that hangs on the connection stays as it is.',
    'Geben Sie die neue Anmeldung für {system} ein. Alles, was an der Verbindung hängt, bleibt, wie es ist.',
    'Saisissez les nouveaux identifiants de {system}. Tout ce qui dépend de la connexion reste inchangé.',
    'Introduzca las nuevas credenciales de {system}. Todo lo que depende de la conexión se mantiene.',
  ],
  reason_INVALID_CREDENTIALS: [
    '{system} no longer accepts the stored sign-in. Perhaps the password or key was changed. Nothing is read until you enter the new one.',
    '{system} nimmt die hinterlegte Anmeldung nicht mehr an. Vielleicht wurde das Passwort oder der Schlüssel geändert. Bis zur neuen Eingabe wird nichts gelesen.',
    '{system} n’accepte plus les identifiants enregistrés. Le mot de passe ou la clé a peut-être changé. Rien n’est lu avant votre nouvelle saisie.',
    '{system} ya no acepta las credenciales guardadas. Quizá se cambió la contraseña o la clave. No se lee nada hasta que introduzca las nuevas.',
  ],
  reason_EXPIRED: [
    'The sign-in for {system} has expired. That is usual; sign in again and everything goes on.',
    'Die Anmeldung für {system} ist abgelaufen. Das ist üblich; melden Sie sich neu an, und alles geht weiter.',
    'L’accès à {system} a expiré. C’est habituel ; identifiez-vous à nouveau et tout reprend.',
    'El acceso a {system} ha caducado. Es habitual; inicie sesión de nuevo y todo continúa.',
  ],
  reason_REVOKED: [
    'The access was withdrawn in {system}. If that was not meant, give a new sign-in here.',
    'Der Zugang wurde in {system} entzogen. War das nicht beabsichtigt, melden Sie sich hier neu an.',
    'L’accès a été retiré dans {system}. Si ce n’était pas voulu, identifiez-vous à nouveau ici.',
    'El acceso fue retirado en {system}. Si no fue intencionado, inicie sesión de nuevo aquí.',
  ],
  reason_MISSING_SCOPE: [
    'The account at {system} lacks rights that are needed. Grant them there, then sign in again.',
    'Dem Konto bei {system} fehlen nötige Rechte. Erteilen Sie sie dort und melden Sie sich dann neu an.',
    'Le compte chez {system} n’a pas tous les droits requis. Accordez-les, puis identifiez-vous à nouveau.',
    'A la cuenta de {system} le faltan permisos necesarios. Concédalos y vuelva a iniciar sesión.',
  ],
  reason_ACCOUNT_MISMATCH: [
    'The last sign-in opened another account of {system} than before. Use the same account, so that the data stay together.',
    'Die letzte Anmeldung öffnete ein anderes Konto von {system} als bisher. Verwenden Sie dasselbe Konto, damit die Daten zusammenbleiben.',
    'La dernière identification ouvrait un autre compte de {system}. Utilisez le même compte pour garder les données ensemble.',
    'El último inicio de sesión abrió otra cuenta de {system}. Use la misma cuenta para que los datos sigan juntos.',
  ],

  // Step 3: the try.
  attempt_title: ['Checking the connection to {system}', 'Die Verbindung zu {system} wird geprüft', 'Vérification de la connexion à {system}', 'Comprobando la conexión con {system}'],
  attempt_help: [
    'This takes a few seconds. Please keep the page open.',
    'Das dauert einige Sekunden. Bitte lassen Sie die Seite offen.',
    'Cela prend quelques secondes. Gardez la page ouverte.',
    'Tarda unos segundos. Mantenga la página abierta.',
  ],
  attempt_stop: ['Stop', 'Anhalten', 'Arrêter', 'Detener'],
  check_address: ['Address', 'Adresse', 'Adresse', 'Dirección'],
  check_name: ['Name of the server', 'Name des Servers', 'Nom du serveur', 'Nombre del servidor'],
  check_network: ['Network', 'Netzwerk', 'Réseau', 'Red'],
  check_encryption: ['Encryption', 'Verschlüsselung', 'Chiffrement', 'Cifrado'],
  check_sign_in: ['Sign-in', 'Anmeldung', 'Identification', 'Inicio de sesión'],
  state_running: ['running', 'läuft', 'en cours', 'en curso'],
  state_ok: ['fine', 'in Ordnung', 'réussi', 'correcto'],
  state_warning: ['with a warning', 'mit Hinweis', 'avec un avertissement', 'con advertencia'],
  state_failed: ['failed', 'fehlgeschlagen', 'échec', 'fallido'],
  checked: ['What was checked', 'Was geprüft wurde', 'Ce qui a été vérifié', 'Lo que se comprobó'],
  remote_said: ['Message of the system', 'Meldung des Systems', 'Message du système', 'Mensaje del sistema'],
  tries_one: ['You have one more try.', 'Sie haben noch einen Versuch.', 'Il vous reste un essai.', 'Le queda un intento.'],
  tries_many: ['You have {count} more tries.', 'Sie haben noch {count} Versuche.', 'Il vous reste {count} essais.', 'Le quedan {count} intentos.'],

  // Signing in elsewhere.
  popup_title: [
    'Sign in in the other window',
    'Melden Sie sich im anderen Fenster an',
    'Identifiez-vous dans l’autre fenêtre',
    'Inicie sesión en la otra ventana',
  ],
  popup_help: [
    'A window of {system} is open. This page goes on by itself when you are done there.',
    'Ein Fenster von {system} ist offen. Diese Seite geht von selbst weiter, wenn Sie dort fertig sind.',
    'Une fenêtre de {system} est ouverte. Cette page continue seule quand vous y avez terminé.',
    'Hay una ventana de {system} abierta. Esta página continúa sola cuando termine allí.',
  ],
  popup_blocked: [
    'The browser did not open the window. Press the button to open it.',
    'Der Browser hat das Fenster nicht geöffnet. Drücken Sie den Knopf, um es zu öffnen.',
    'Le navigateur n’a pas ouvert la fenêtre. Utilisez le bouton pour l’ouvrir.',
    'El navegador no abrió la ventana. Pulse el botón para abrirla.',
  ],
  popup_open: ['Open the window', 'Fenster öffnen', 'Ouvrir la fenêtre', 'Abrir la ventana'],
  popup_close: ['You can close this window.', 'Sie können dieses Fenster schließen.', 'Vous pouvez fermer cette fenêtre.', 'Puede cerrar esta ventana.'],
  going: ['You are taken to {system} …', 'Sie werden zu {system} weitergeleitet …', 'Vous êtes dirigé vers {system} …', 'Se le dirige a {system} …'],

  // Step 4: done.
  done_title: ['{name} is connected', '{name} ist verbunden', '{name} est connecté', '{name} está conectado'],
  done_title_reconnect: ['{name} works again', '{name} funktioniert wieder', '{name} fonctionne à nouveau', '{name} vuelve a funcionar'],
  done_warnings: ['Good to know', 'Gut zu wissen', 'Bon à savoir', 'Conviene saber'],
  done_warnings_help: [
    'The connection works. To add what is missing, an administrator of {system} grants the right; nothing has to be done here.',
    'Die Verbindung steht. Was fehlt, gibt ein Administrator von {system} frei; hier ist nichts mehr zu tun.',
    'La connexion fonctionne. Un administrateur de {system} peut accorder ce qui manque ; rien à faire ici.',
    'La conexión funciona. Un administrador de {system} puede conceder lo que falta; aquí no hay que hacer nada.',
  ],
  done_close: ['You can close this page.', 'Sie können diese Seite schließen.', 'Vous pouvez fermer cette page.', 'Puede cerrar esta página.'],
  done_redirect: [
    'You are taken back to {organization} in a moment.',
    'Gleich geht es zurück zu {organization}.',
    'Retour à {organization} dans un instant.',
    'En un momento vuelve a {organization}.',
  ],
  continue: ['Continue', 'Weiter', 'Continuer', 'Continuar'],

  // Links that do not work.
  expired_title: ['This link has expired', 'Dieser Link ist abgelaufen', 'Ce lien a expiré', 'Este enlace ha caducado'],
  expired_text: [
    'For safety it works for a short time only. Ask {organization} for a new one; nothing was stored.',
    'Zur Sicherheit gilt er nur kurze Zeit. Bitten Sie um einen neuen bei {organization}; es wurde nichts gespeichert.',
    'Par sécurité, il n’est valable que peu de temps. Demandez-en un nouveau à {organization} ; rien n’a été enregistré.',
    'Por seguridad funciona poco tiempo. Pida uno nuevo a {organization}; no se ha guardado nada.',
  ],
  used_title: ['This link was already used', 'Dieser Link wurde schon benutzt', 'Ce lien a déjà été utilisé', 'Este enlace ya se utilizó'],
  used_text: [
    'It works once, and in the browser that opened it first. If something is still to be connected, ask {organization} for a new link.',
    'Er gilt einmal und in dem Browser, der ihn zuerst geöffnet hat. Ist noch etwas zu verbinden, bitten Sie um einen neuen Link bei {organization}.',
    'Il sert une fois, dans le navigateur qui l’a ouvert en premier. S’il reste quelque chose à connecter, demandez un nouveau lien à {organization}.',
    'Sirve una vez, en el navegador que lo abrió primero. Si queda algo por conectar, pida un enlace nuevo a {organization}.',
  ],
  unknown_title: ['This link does not work', 'Dieser Link funktioniert nicht', 'Ce lien ne fonctionne pas', 'Este enlace no funciona'],
  unknown_text: [
    'Perhaps it was not copied in full, or it was withdrawn. Open it again from the message or page that you have it from, or ask {organization} for a new one.',
    'Vielleicht wurde er nicht vollständig kopiert oder zurückgezogen. Öffnen Sie ihn noch einmal aus der Nachricht oder Seite, von der Sie ihn haben, oder bitten Sie um einen neuen bei {organization}.',
    'Il n’a peut-être pas été copié en entier, ou il a été retiré. Rouvrez-le depuis le message ou la page d’origine, ou demandez-en un nouveau à {organization}.',
    'Quizá no se copió entero o fue retirado. Ábralo de nuevo desde el mensaje o la página de origen, o pida uno nuevo a {organization}.',
  ],
  tries_title: ['Too many tries', 'Zu viele Versuche', 'Trop d’essais', 'Demasiados intentos'],
  tries_text: [
    'So that no account is locked, this link takes no more tries. Check the sign-in with your administrator, then ask {organization} for a new link.',
    'Damit kein Konto gesperrt wird, nimmt dieser Link keine Versuche mehr an. Klären Sie die Anmeldung mit Ihrem Administrator und bitten Sie dann um einen neuen Link bei {organization}.',
    'Pour éviter le verrouillage d’un compte, ce lien n’accepte plus d’essais. Vérifiez l’accès avec votre administrateur, puis demandez un nouveau lien à {organization}.',
    'Para que no se bloquee ninguna cuenta, este enlace no admite más intentos. Compruebe el acceso con su administrador y pida un enlace nuevo a {organization}.',
  ],
  cancelled_title: ['Nothing was connected', 'Es wurde nichts verbunden', 'Rien n’a été connecté', 'No se conectó nada'],
  cancelled_text: [
    'You stopped before the end, and nothing was stored. You can close this page.',
    'Sie haben vorher aufgehört; es wurde nichts gespeichert. Sie können diese Seite schließen.',
    'Vous avez arrêté avant la fin ; rien n’a été enregistré. Vous pouvez fermer cette page.',
    'Se detuvo antes del final y no se guardó nada. Puede cerrar esta página.',
  ],
  network_title: ['No answer', 'Keine Antwort', 'Pas de réponse', 'Sin respuesta'],
  network_text: [
    'The server of this page did not answer. Check your network and try again; what you typed is kept.',
    'Der Server dieser Seite hat nicht geantwortet. Prüfen Sie Ihr Netz und versuchen Sie es noch einmal; Ihre Eingaben bleiben erhalten.',
    'Le serveur de cette page n’a pas répondu. Vérifiez votre réseau et réessayez ; votre saisie est conservée.',
    'El servidor de esta página no respondió. Compruebe su red e inténtelo de nuevo; lo escrito se conserva.',
  ],

  // Failures of a try: what happened, and what to do.
  fail_default: ['The connection could not be made', 'Die Verbindung kam nicht zustande', 'La connexion n’a pas pu être établie', 'No se pudo establecer la conexión'],
  fail_default_do: ['Check what you entered and try again.', 'Prüfen Sie Ihre Eingaben und versuchen Sie es noch einmal.', 'Vérifiez votre saisie et réessayez.', 'Compruebe los datos e inténtelo de nuevo.'],
  fail_credentials: ['{system} did not accept the sign-in', '{system} hat die Anmeldung nicht angenommen', '{system} a refusé l’identification', '{system} no aceptó el inicio de sesión'],
  fail_credentials_do: [
    'Check each value for typing errors and that it belongs to this address. Some systems lock an account after several wrong tries.',
    'Prüfen Sie jeden Wert auf Tippfehler und ob er zu dieser Adresse gehört. Manche Systeme sperren ein Konto nach mehreren falschen Versuchen.',
    'Vérifiez chaque valeur et qu’elle correspond à cette adresse. Certains systèmes verrouillent un compte après plusieurs erreurs.',
    'Compruebe cada valor y que corresponda a esta dirección. Algunos sistemas bloquean la cuenta tras varios errores.',
  ],
  fail_permission: ['The account lacks a right', 'Dem Konto fehlt ein Recht', 'Il manque un droit au compte', 'A la cuenta le falta un permiso'],
  fail_permission_do: [
    'Ask an administrator of {system} to grant the account the right to read, or use another account.',
    'Bitten Sie einen Administrator von {system}, dem Konto Leserechte zu geben, oder verwenden Sie ein anderes Konto.',
    'Demandez à un administrateur de {system} d’accorder le droit de lecture, ou utilisez un autre compte.',
    'Pida a un administrador de {system} que conceda el permiso de lectura, o use otra cuenta.',
  ],
  fail_unreachable: ['The address cannot be reached', 'Die Adresse ist nicht erreichbar', 'L’adresse est injoignable', 'No se puede acceder a la dirección'],
  fail_unreachable_do: [
    'Check the address. If the system stands in your own network, a firewall must let the calls in.',
    'Prüfen Sie die Adresse. Steht das System in Ihrem eigenen Netz, muss eine Firewall die Aufrufe durchlassen.',
    'Vérifiez l’adresse. Si le système est dans votre réseau, un pare-feu doit laisser passer les appels.',
    'Compruebe la dirección. Si el sistema está en su red, un cortafuegos debe dejar pasar las llamadas.',
  ],
  fail_tls: ['No safe channel to the system', 'Kein sicherer Kanal zum System', 'Pas de canal sûr vers le système', 'No hay canal seguro con el sistema'],
  fail_tls_do: [
    'The certificate of the server is expired, for another name or not from a known authority. Its administrator can renew it.',
    'Das Zertifikat des Servers ist abgelaufen, gilt für einen anderen Namen oder stammt von keiner bekannten Stelle. Sein Administrator kann es erneuern.',
    'Le certificat du serveur est expiré, porte un autre nom ou vient d’une autorité inconnue. Son administrateur peut le renouveler.',
    'El certificado del servidor ha caducado, es de otro nombre o de una autoridad desconocida. Su administrador puede renovarlo.',
  ],
  fail_timeout: ['The system did not answer in time', 'Das System hat nicht rechtzeitig geantwortet', 'Le système n’a pas répondu à temps', 'El sistema no respondió a tiempo'],
  fail_timeout_do: ['Check the address, wait a moment and try again.', 'Prüfen Sie die Adresse, warten Sie einen Moment und versuchen Sie es noch einmal.', 'Vérifiez l’adresse, patientez un instant et réessayez.', 'Compruebe la dirección, espere un momento e inténtelo de nuevo.'],
  fail_address: ['Something else answers at this address', 'Unter dieser Adresse antwortet etwas anderes', 'Autre chose répond à cette adresse', 'En esta dirección responde otra cosa'],
  fail_address_do: [
    'Compare the address with the one that opens {system} in your browser, and with the example.',
    'Vergleichen Sie die Adresse mit der, die {system} im Browser öffnet, und mit dem Beispiel.',
    'Comparez l’adresse avec celle qui ouvre {system} dans votre navigateur, et avec l’exemple.',
    'Compare la dirección con la que abre {system} en su navegador y con el ejemplo.',
  ],
  fail_unavailable: ['The system is down or busy', 'Das System ist gestört oder überlastet', 'Le système est en panne ou surchargé', 'El sistema no está disponible o está saturado'],
  fail_unavailable_do: ['What you entered may well be right. Try again in a few minutes.', 'Ihre Eingaben können durchaus richtig sein. Versuchen Sie es in einigen Minuten wieder.', 'Votre saisie est peut-être juste. Réessayez dans quelques minutes.', 'Puede que los datos sean correctos. Inténtelo en unos minutos.'],
  fail_rate: ['The system asks to wait', 'Das System bittet zu warten', 'Le système demande de patienter', 'El sistema pide esperar'],
  fail_rate_do: ['Too many calls came at once. Try again in a few minutes.', 'Zu viele Aufrufe kamen auf einmal. Versuchen Sie es in einigen Minuten wieder.', 'Trop d’appels à la fois. Réessayez dans quelques minutes.', 'Hubo demasiadas llamadas a la vez. Inténtelo en unos minutos.'],
  fail_form: ['Some fields are not right yet', 'Einige Felder sind noch nicht richtig', 'Certains champs sont à corriger', 'Hay campos por corregir'],
  fail_form_do: ['The messages stand at the fields.', 'Die Hinweise stehen bei den Feldern.', 'Les messages sont près des champs.', 'Los mensajes están junto a los campos.'],
  fail_mismatch: ['This is another account', 'Das ist ein anderes Konto', 'C’est un autre compte', 'Esta es otra cuenta'],
  fail_mismatch_do: [
    'The sign-in works, but it opens another account of {system} than the one connected before, and data of two accounts would mix. Sign in with the earlier account. If the change is meant, ask {organization} for a link that allows it.',
    'Die Anmeldung funktioniert, öffnet aber ein anderes Konto von {system} als bisher, und die Daten zweier Konten würden sich mischen. Melden Sie sich mit dem bisherigen Konto an. Ist der Wechsel gewollt, bitten Sie um einen Link, der ihn erlaubt, bei {organization}.',
    'L’identification fonctionne, mais ouvre un autre compte de {system} qu’auparavant, et les données de deux comptes se mélangeraient. Utilisez le compte précédent. Si le changement est voulu, demandez à {organization} un lien qui l’autorise.',
    'El inicio de sesión funciona, pero abre otra cuenta de {system} distinta de la anterior, y se mezclarían los datos. Use la cuenta anterior. Si el cambio es intencionado, pida a {organization} un enlace que lo permita.',
  ],
  fail_credits: ['No further system can be connected now', 'Zurzeit kann kein weiteres System verbunden werden', 'Aucun autre système ne peut être connecté', 'Ahora no se puede conectar otro sistema'],
  fail_credits_do: ['Nothing is wrong on your side. Please tell {organization}.', 'An Ihnen liegt es nicht. Bitte geben Sie {organization} Bescheid.', 'Le problème ne vient pas de vous. Veuillez prévenir {organization}.', 'No es culpa suya. Avise a {organization}, por favor.'],
  fail_declined: ['The sign-in was not completed', 'Die Anmeldung wurde nicht abgeschlossen', 'L’identification n’a pas abouti', 'El inicio de sesión no se completó'],
  fail_declined_do: ['Sign in again at {system} and agree to what is asked there.', 'Melden Sie sich noch einmal bei {system} an und stimmen Sie dort zu.', 'Identifiez-vous à nouveau chez {system} et donnez votre accord.', 'Inicie sesión de nuevo en {system} y dé su conformidad.'],
  fail_elsewhere: ['This link was opened in another browser', 'Dieser Link wurde in einem anderen Browser geöffnet', 'Ce lien a été ouvert dans un autre navigateur', 'Este enlace se abrió en otro navegador'],
  fail_elsewhere_do: [
    'It works in one browser at a time. Load this page again to go on here.',
    'Er gilt immer nur in einem Browser. Laden Sie diese Seite neu, um hier weiterzumachen.',
    'Il ne sert que dans un navigateur à la fois. Rechargez cette page pour continuer ici.',
    'Funciona en un solo navegador a la vez. Vuelva a cargar esta página para continuar aquí.',
  ],
  fail_busy: ['A try is still under way', 'Ein Versuch läuft noch', 'Un essai est encore en cours', 'Aún hay un intento en curso'],
  fail_busy_do: ['Wait until it has ended, a minute at most, and try again.', 'Warten Sie höchstens eine Minute, bis er zu Ende ist, und versuchen Sie es noch einmal.', 'Attendez qu’il se termine, une minute au plus, puis réessayez.', 'Espere a que termine, un minuto como mucho, e inténtelo de nuevo.'],

  // What is read.
  entity_PurchaseOrder: ['purchase orders', 'Bestellungen', 'commandes d’achat', 'pedidos de compra'],
  entity_GoodsReceipt: ['goods receipts', 'Wareneingänge', 'réceptions', 'entradas de mercancía'],
  entity_WorkOrder: ['work orders', 'Arbeitsaufträge', 'ordres de travail', 'órdenes de trabajo'],
  entity_InventoryItem: ['inventory', 'Bestände', 'stocks', 'inventario'],
  entity_Vendor: ['vendors', 'Lieferanten', 'fournisseurs', 'proveedores'],
  entity_Asset: ['assets', 'Anlagen', 'équipements', 'activos'],
  entity_Meter: ['meters', 'Zähler', 'compteurs', 'contadores'],
  entity_Location: ['locations', 'Standorte', 'emplacements', 'ubicaciones'],
  entity_User: ['users', 'Benutzer', 'utilisateurs', 'usuarios'],
  entity_Attachment: ['attachments', 'Anhänge', 'pièces jointes', 'adjuntos'],
};

let at = 0;

/** Chooses the language: the link's, or the first of the browser's that is there. */
export function speak(locale) {
  const wanted = [locale, ...navigator.languages].filter(Boolean).map(tag => tag.toLowerCase().split(/[-_]/)[0]);
  const found = wanted.find(tag => LANGUAGES.includes(tag)) ?? 'en';
  at = LANGUAGES.indexOf(found);
  document.documentElement.lang = found;
}

/** Returns the language that is spoken. */
export const language = () => LANGUAGES[at];

/** Returns whether there is a text with this name. */
export const has = name => Object.hasOwn(TEXTS, name);

/** Returns a text with its `{places}` filled. */
export function t(name, places = {}) {
  return TEXTS[name][at].replace(/\{(\w+)\}/g, (whole, place) => places[place] ?? whole);
}

/** Returns one text for a single thing and another one for more. */
export const counted = (name, count) => t(`${name}_${count === 1 ? 'one' : 'many'}`, { count });
